"""The triggers on which to decide again, with what the workspace shows now."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from knowhow.advisor.answers import Answers, Change, Goal, WorkspaceFacts, default_answers
from knowhow.advisor.costs import DAYS_PER_MONTH, CostReport
from knowhow.advisor.outcomes import RETRIEVES, Outcome
from knowhow.advisor.questions import label_answer
from knowhow.advisor.text import Number, Share, Text, Value, say
from knowhow.advisor.traits import FULL_EXAMPLES, HIGH_VOLUME, LIGHT_EXAMPLES
from knowhow.advisor.translation import round_significant

DRIFT_POINTS = 5.0
LEAST_COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Trigger:
    """A change in the workspace that asks for a new decision; `has_fired` None means that it can't be seen yet."""

    name: str
    condition: Text
    now: Value
    has_fired: bool | None


def find_triggers(
    answers: Answers,
    outcome: Outcome,
    report: CostReport,
    facts: WorkspaceFacts | None = None,
    drift: float | None = None,
) -> tuple[Trigger, ...]:
    """Return the triggers of a decision made on `answers`, with what the workspace shows now.

    `drift` is the fall of the live score against the release's measured one, in points; without it that of the facts counts.
    """
    now = facts or WorkspaceFacts()
    drift = now.drift_points if drift is None else drift
    found = (
        _examples(answers, now),
        _pace(answers, now),
        _volume(answers, outcome, report, now),
        Trigger(
            "drift",
            say("the live score falls 5 points below the measured one"),
            _shown(drift),
            None if drift is None else drift >= DRIFT_POINTS,
        ),
        _coverage(answers, outcome, now),
    )
    return tuple(item for item in found if item is not None)


def _examples(answers: Answers, now: WorkspaceFacts) -> Trigger | None:
    count = answers.examples or 0
    target = LIGHT_EXAMPLES if count < LIGHT_EXAMPLES else FULL_EXAMPLES
    if target <= count:
        return None
    return Trigger(
        "examples_reached",
        say("{target} clean examples are there", target=Number(target)),
        _examples_now(now, target),
        None if now.examples is None else now.examples >= target,
    )


def _examples_now(now: WorkspaceFacts, target: int) -> Value:
    """The count, and when the target will be reached at the pace so far."""
    if (
        now.examples is None
        or now.examples >= target
        or not now.examples_per_month
        or now.examples_per_month <= 0
    ):
        return _shown(now.examples)
    return say(
        "{count}, about {months} months to go at {pace} a month",
        count=Number(now.examples),
        months=Number(ceil((target - now.examples) / now.examples_per_month)),
        pace=Number(now.examples_per_month),
    )


def _pace(answers: Answers, now: WorkspaceFacts) -> Trigger:
    share = now.changed_share_per_month
    change = None if share is None else default_answers(now).changes
    stopped = change is Change.STATIC and answers.changes in (Change.SLOW, Change.FAST, Change.MIXED)
    started = change not in (None, Change.STATIC) and answers.changes in (Change.STATIC, Change.UNKNOWN)
    return Trigger(
        "documents_changed_pace",
        say(
            "documents stop or start changing (decided on: {changes})",
            changes=label_answer(answers, "changes"),
        ),
        say("not known") if share is None else Share(share, 1),
        None if change is None else stopped or started,
    )


def _volume(answers: Answers, outcome: Outcome, report: CostReport, now: WorkspaceFacts) -> Trigger | None:
    volume = _break_even_per_day(outcome, report)
    if volume <= (answers.volume or 0):
        return None
    return Trigger(
        "volume_crossed",
        say("volume crosses {volume} queries per day", volume=Number(volume)),
        _shown(now.queries_per_day),
        None if now.queries_per_day is None else now.queries_per_day >= volume,
    )


def _coverage(answers: Answers, outcome: Outcome, now: WorkspaceFacts) -> Trigger | None:
    share = now.coverage
    shown = say("not known") if share is None else Share(share)
    if outcome is Outcome.NOT_YET:
        return Trigger(
            "coverage_reached",
            say("80 % of the questions have their answer in the documents"),
            shown,
            None if share is None else share >= LEAST_COVERAGE,
        )
    if answers.goal is Goal.BEHAVIOUR:
        return None
    return Trigger(
        "coverage_lost",
        say("fewer than 80 % of the questions have their answer in the documents"),
        shown,
        None if share is None else share < LEAST_COVERAGE,
    )


def _break_even_per_day(outcome: Outcome, report: CostReport) -> float:
    """The volume from which training alone would be the cheapest, or the stated high volume where it never is."""
    wanted = {"finetuned", "rag" if outcome in RETRIEVES else "few_shot"}
    for crossing in report.crossings:
        if {crossing.dearer_start, crossing.cheaper_start} == wanted and crossing.queries_per_month:
            return max(1.0, round_significant(crossing.queries_per_month / DAYS_PER_MONTH))
    return float(HIGH_VOLUME)


def _shown(value: float | None) -> Value:
    return say("not known") if value is None else Number(value)
