from __future__ import annotations

import json

import pytest

from knowhow.errors import ConfigError
from knowhow.formats import find_violations, is_demanding, parse_schema, split_sections
from knowhow.types import Format

SECTIONS = Format(sections=("[Policy basis]", "[Plain answer]"))
CHINESE = Format(sections=("【政策依据】", "【简明解释】"))
SCHEMA = Format(
    schema=json.dumps(
        {"type": "object", "required": ["intent"], "properties": {"intent": {"type": "string"}}}
    )
)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("[Policy basis] Rule 3 [1]. [Plain answer] It costs 5.", SECTIONS, []),
        ("[Plain answer] 5. [Policy basis] Rule.", SECTIONS, ["stands out of order", "Text stands before"]),
        ("[Policy basis] Rule.", SECTIONS, ["'[Plain answer]' is missing"]),
        ("Well. [Policy basis] a [Plain answer] b", SECTIONS, ["Text stands before"]),
        ("[Policy basis] [Plain answer] b", SECTIONS, ["'[Policy basis]' is empty"]),
        ("[Policy basis] a [Plain answer] b [Plain answer] c", SECTIONS, ["occurs 2 times"]),
        ("【政策依据】第三条[1]【简明解释】五元", CHINESE, []),
        ('{"intent": "a"}', SCHEMA, []),
        ('{"intent": 3}', SCHEMA, ["breaks the schema at intent"]),
        ("{}", SCHEMA, ["breaks the schema at the top"]),
        ("not json", SCHEMA, ["not valid JSON"]),
        ('```json\n{"intent": "a"}\n```', SCHEMA, ["Remove the code fence"]),
        ("We guarantee it", Format(banned=("Guarantee",)), ["banned expression 'Guarantee'"]),
        ("12345", Format(max_characters=4), ["has 5 characters"]),
        ("one two three", Format(max_words=2), ["has 3 words"]),
        ("anything", Format(), []),
    ],
)
def test_violations(text: str, form: Format, expected: list[str]) -> None:
    found = find_violations(text, form)
    assert len(found) == len(expected), found
    for part, sentence in zip(expected, found, strict=True):
        assert part in sentence


def test_sections_are_split() -> None:
    assert split_sections("[A] x\n[B] y", ("[A]", "[B]")) == {"[A]": "x", "[B]": "y"}
    assert split_sections("none", ("[A]",)) == {}


def test_a_bad_schema_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="not a valid JSON Schema"):
        parse_schema('{"type": "objekt"}')
    with pytest.raises(ConfigError, match="not a valid JSON Schema"):
        parse_schema("{")


def test_is_demanding() -> None:
    assert not is_demanding(Format())
    assert is_demanding(SECTIONS)
