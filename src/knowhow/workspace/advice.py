"""Deciding again: the last decision, what has changed since, which triggers fired, and what is advised now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowhow.advisor.advice import Advice, advise, update_answers
from knowhow.advisor.answers import parse_answers
from knowhow.advisor.goal import read_decisions
from knowhow.advisor.history import FactChange, find_changes
from knowhow.advisor.outcomes import Outcome
from knowhow.config import Settings
from knowhow.workspace.facts import Observation, decisions_path, gather_answers, gather_assumptions


@dataclass(frozen=True, slots=True)
class Reconsideration:
    """`before` is the advice on the earlier answers with today's triggers, `after` on answers brought up to what is seen now.

    `earlier` and `day` are outcome and day of the last decision, None and empty where there was none.
    """

    before: Advice
    after: Advice
    changes: tuple[FactChange, ...]
    earlier: Outcome | None
    day: str


def reconsider(settings: Settings, seen: Observation, given: Mapping[str, Any]) -> Reconsideration:
    """Decide again from what the workspace shows now; `given` answers override all others."""
    decisions = read_decisions(decisions_path(settings.root))
    costs = gather_assumptions(seen, settings.costs)
    answers = gather_answers(seen, settings.goal, {}, "advise")
    updated = parse_answers(given, update_answers(answers, seen.facts), "advise")
    before, after = (
        advise(case, costs, seen.facts, measurement=seen.measurement) for case in (answers, updated)
    )
    if not decisions:
        return Reconsideration(before, after, (), None, "")
    last = decisions[-1]
    kept: Mapping[str, Any] = next((item["seen"] for item in reversed(decisions) if item.get("seen")), {})
    changes = find_changes(kept, seen.facts) if kept else ()
    return Reconsideration(before, after, changes, Outcome(last["outcome"]), str(last["moment"])[:10])
