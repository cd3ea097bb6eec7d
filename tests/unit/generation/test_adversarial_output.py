"""Three hundred adversarial outputs of a model against enforced forms: what breaks the form is never delivered."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import jsonschema
import pytest
from tests.unit.defence.test_evidence import hit

from knowhow.formats import find_violations
from knowhow.generation.pipeline import AnswerPipeline
from knowhow.generation.prompts import PromptStyle
from knowhow.testing.fakes import FakeGenerator
from knowhow.types import Format, Hit, Query

pytestmark = pytest.mark.slow

SCHEMA = {
    "type": "object",
    "properties": {
        "answer": {"type": "string", "maxLength": 80},
        "amount": {"type": "number", "minimum": 0},
        "kind": {"enum": ["fee", "limit", "term"]},
        "sources": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    },
    "required": ["answer", "amount", "kind"],
    "additionalProperties": False,
}
GOOD = {"answer": "Five dollars.", "amount": 5, "kind": "fee"}
FORMS = {
    "schema": Format(schema=json.dumps(SCHEMA)),
    "sections": Format(sections=("[Basis]", "[Answer]"), banned=("guarantee",), max_words=30),
    "short": Format(max_characters=40, banned=("http", "<script")),
}
PASSAGES = [hit("a.md", 0.9, "A lost card costs five dollars.")]


class Fixed:
    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        return [PASSAGES for _ in queries]


def attack(chance: random.Random) -> str:
    """One output as a confused or captured model writes it."""
    good = json.dumps(GOOD)
    value = dict(GOOD)
    pick = chance.randrange(18)
    if pick == 0:
        return good[: chance.randrange(len(good))]
    if pick == 1:
        return json.dumps({**value, "amount": chance.choice([-1, "5", None, True, [5], {}])})
    if pick == 2:
        return json.dumps({**value, "kind": chance.choice(["Fee", "", "other", None, 3])})
    if pick == 3:
        return json.dumps({**value, "extra": "x", "__proto__": {}})
    if pick == 4:
        value.pop(chance.choice(list(value)))
        return json.dumps(value)
    if pick == 5:
        return json.dumps({**value, "answer": "x" * chance.randrange(81, 500)})
    if pick == 6:
        return f"Sure! Here it is:\n{good}\nAnything else? {good}"
    if pick == 7:
        return good.replace(
            '"amount": 5', f'"amount": {chance.choice(["NaN", "Infinity", "1e999", "05", "5.", "0x5"])}'
        )
    if pick == 8:
        return good[:-1] + ', "amount": -3}'
    if pick == 9:
        return "[" * chance.randrange(1, 3000)
    if pick == 10:
        return json.dumps([GOOD])
    if pick == 11:
        return "[Answer] first\n[Basis] second, which we guarantee"
    if pick == 12:
        return "[Basis]\n[Answer]\n"
    if pick == 13:
        return "[Basis] one\n[Answer] " + "word " * chance.randrange(29, 200)
    if pick == 14:
        return f"See http://evil.example/?q={chance.random()} <script>alert(1)</script>"
    if pick == 15:
        return "".join(
            chr(chance.choice([chance.randrange(32, 127), chance.randrange(0x4E00, 0x9FFF), 0x202E, 0]))
            for _ in range(60)
        )
    if pick == 16:
        return json.dumps({**value, "sources": chance.choice([[], ["1"], [1.5], "1", [None]])})
    return chance.choice(
        [
            "",
            "   ",
            "null",
            "{}",
            good + "}",
            "'" + good + "'",
            "```json\n" + good,
            "G U A R A N T E E guarantee",
        ]
    )


@pytest.mark.parametrize("name", FORMS)
def test_nothing_invalid_is_delivered(name: str) -> None:
    form = FORMS[name]
    chance = random.Random(f"adversarial {name}")
    outputs = [attack(chance) for _ in range(100)]
    delivered = refused = 0
    for output in outputs:
        pipeline = AnswerPipeline(
            FakeGenerator(lambda conversation, text=output: text, 4096),
            PromptStyle(form=form),
            Fixed(),
            max_tokens=64,
        )
        (answer,) = pipeline.answer([Query("What does a lost card cost?")])
        if answer.error is not None:
            refused += 1
            assert answer.text == ""
            continue
        delivered += 1
        assert find_violations(answer.text, form) == ()
        if form.schema and not answer.abstained:
            jsonschema.validate(json.loads(answer.text, parse_constant=pytest.fail), SCHEMA)
        if form.max_characters:
            assert len(answer.text) <= form.max_characters
        assert not any(phrase in answer.text.lower() for phrase in form.banned)
    assert delivered + refused == 100
    assert refused >= 40, "the outputs were meant to break the form"
