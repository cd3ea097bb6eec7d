"""What changed since the last decision: the facts seen then beside those seen now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowhow.advisor.answers import WorkspaceFacts
from knowhow.advisor.text import Number, Share, Text, Value, say

_NAMES: Mapping[str, Text] = {
    "examples": say("clean examples"),
    "documents": say("documents"),
    "corpus_tokens": say("tokens of documents"),
    "changed_share_per_month": say("share of documents changed per month"),
    "coverage": say("share of questions whose answer is in the documents"),
    "probe": say("prompt-only score"),
    "queries_per_day": say("queries per day"),
    "drift_points": say("points that live answers have fallen, at least"),
}
_SHARES = frozenset({"changed_share_per_month", "coverage"})


@dataclass(frozen=True, slots=True)
class FactChange:
    """One fact as it was seen at the last decision and as it is seen now."""

    field: str
    name: Text
    before: Value
    now: Value


def keep_facts(facts: WorkspaceFacts) -> dict[str, Any]:
    """Return the facts worth keeping with a decision as JSON values; what was not looked at is left out."""
    return {name: value for name in _NAMES if (value := getattr(facts, name)) is not None}


def find_changes(before: Mapping[str, Any], facts: WorkspaceFacts) -> tuple[FactChange, ...]:
    """Return the facts that differ from those kept with an earlier decision; one that can no longer be seen is no change."""
    now = keep_facts(facts)
    return tuple(
        FactChange(name, _NAMES[name], _show(name, before.get(name)), _show(name, now[name]))
        for name in _NAMES
        if name in now and _rounded(name, now[name]) != _rounded(name, before.get(name))
    )


def _show(name: str, value: float | None) -> Value:
    if value is None:
        return say("not known")
    if name in _SHARES:
        return Share(value, 1)
    return Number(value, 2 if name == "probe" else 0)


def _rounded(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    return round(value, 3 if name in _SHARES or name == "probe" else 0)
