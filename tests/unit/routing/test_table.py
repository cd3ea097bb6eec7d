"""The [router] table: the first rule that fits counts, limits hold, and mistakes are named."""

from __future__ import annotations

import pytest

from knowhow.errors import ConfigError
from knowhow.routing.table import RouterTable, Rule, parse_table
from knowhow.types import Traits

TRAITS = {
    "base": Traits(),
    "finetuned": Traits(learns=True),
    "rag": Traits(retrieves=True, cites=True, is_live=True),
    "raft": Traits(retrieves=True, learns=True, cites=True, is_live=True),
}
NAMES = tuple(TRAITS)


def make_table() -> RouterTable:
    return parse_table(
        {
            "prices": {"updates": "daily"},
            "policy": {"citations": True, "reasoning": "deep"},
            "greeting": {"strategy": "base", "phrases": ["hello"]},
            "faults": {"updates": "yearly"},
        },
        (
            Rule(use=("raft", "finetuned"), reasoning=("deep",)),
            Rule(use=("rag",), context_words=200),
            Rule(use=("finetuned", "unheard"), intents=("faults",)),
        ),
    )


@pytest.mark.parametrize(
    ("intent", "length", "names", "is_given", "said"),
    [
        ("greeting", 900, ("base",), True, "gives base"),
        ("prices", 5, ("rag", "raft"), False, "change daily"),
        ("prices", 200, ("rag",), True, "200 words of context"),
        ("policy", 5, ("raft",), True, "cite their source"),
        ("faults", 5, ("finetuned",), True, "intent faults"),
        ("faults", 500, ("rag",), True, "words of context"),
        ("anything", 5, NAMES, False, ""),
        ("", 5, NAMES, False, ""),
    ],
)
def test_who_may_answer(intent: str, length: int, names: tuple[str, ...], is_given: bool, said: str) -> None:
    found = make_table().allow(intent, length, NAMES, TRAITS)
    assert (found.names, found.is_given) == (names, is_given)
    assert said in " ".join(found.reasons)


def test_a_rule_or_limit_that_leaves_nobody_is_not_applied() -> None:
    assert make_table().allow("faults", 5, ("base", "rag"), TRAITS).names == ("base", "rag")
    assert make_table().allow("prices", 5, ("base", "finetuned"), TRAITS).names == ("base", "finetuned")
    assert make_table().allow("greeting", 5, ("rag",), TRAITS).names == ("rag",)


@pytest.mark.parametrize(
    ("intents", "rules", "message"),
    [
        ({"prices": {"update": "daily"}}, (), r"\[router.intents.prices\] has an unknown key 'update'"),
        ({"prices": {"updates": "hourly"}}, (), "must be one of"),
        ({"prices": "rag"}, (), "must be a table"),
        ({}, (Rule(use=()),), "at least one strategy"),
    ],
)
def test_mistakes_are_named(intents: dict[str, object], rules: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_table(intents, rules)
