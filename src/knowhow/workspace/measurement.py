"""The newest comparison as the advisor reads it, and the advice beside a comparison: prior and posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from knowhow.advisor.advice import Advice, advise
from knowhow.advisor.answers import Answers, Goal
from knowhow.advisor.goal import read_goal
from knowhow.advisor.labels import LABELS
from knowhow.advisor.measurement import (
    UNDECIDED,
    ExpectedMeasured,
    Measurement,
    describe_judgement,
    describe_measured,
    describe_step,
)
from knowhow.advisor.translation import Translator
from knowhow.config import Settings
from knowhow.errors import ConfigError, NotFoundError
from knowhow.evaluation.expectations import Expectation, Prior
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import find_run
from knowhow.storage import read_json
from knowhow.types import Interval

_ASKED = {item.name for item in fields(Answers)} - {"citations"}
"""Keys of [goal] that only the advisor's questions write; `citations` is a limit as well."""


def add_prior(report: Report) -> Report:
    """Return the report with what the advice in the run's own `[goal]` led one to expect; unchanged where none was given."""
    goal = report.record.settings.get("goal", {})
    if not _ASKED & set(goal):
        return report
    try:
        answers = read_goal(goal, Answers(Goal.KNOWLEDGE))
    except ConfigError:
        # A finished run stays readable when a later version knows other words.
        return report
    measurement = measurement_of(report)
    advice = advise(answers, measurement=measurement)
    return replace(report, prior=_prior(advice, measurement, str(goal.get("decided", ""))))


def _prior(advice: Advice, measurement: Measurement, decided: str) -> Prior:
    show = Translator("en").show
    return Prior(
        advice=show(advice.description.title),
        strategy=advice.strategy,
        decided=decided,
        verdict=show(describe_judgement(advice.strategy, measurement)),
        steps=tuple(_expectation(row) for row in advice.steps),
        no_steps="" if advice.steps else show(LABELS["no_gains"]),
    )


def _expectation(row: ExpectedMeasured) -> Expectation:
    show = Translator("en").show
    measured = None
    if row.measured is not None:
        low, high = row.measured_low, row.measured_high
        bounds = (float("nan"), float("nan")) if low is None or high is None else (low, high)
        measured = Interval(row.measured, *bounds)
    return Expectation(
        step=show(describe_step(row)),
        expected=Interval(row.expected, row.low, row.high),
        studies=row.studies,
        measured=measured,
        strategies=f"{row.end_strategy} – {row.start_strategy}" if row.measured is not None else "",
        measured_text=show(describe_measured(row)),
        reading=show(LABELS[row.reading]),
    )


def measurement_of(report: Report) -> Measurement:
    """Return a comparison as the advisor reads it; scores of an unbounded or falling metric are left out."""
    scores = {}
    for item in report.strategies:
        found = item.metrics.get(report.decisive)
        if found is not None and found.higher_is_better and _is_share(found.interval):
            scores[item.name] = found.interval
    return Measurement(
        run=report.id,
        questions=report.questions,
        scores=scores,
        differences=_both_ways(
            {(item.strategy, item.against): item.difference for item in report.comparisons}
        ),
        strategy=report.recommendation.strategy if report.recommendation.is_decided else UNDECIDED,
        day=str(report.record.volatile.get("finished", ""))[:10],
    )


def newest_report(settings: Settings) -> Mapping[str, Any]:
    """Return report.json of the newest finished comparison; empty where there is none."""
    try:
        path = find_run(settings.state / "runs") / "report.json"
    except NotFoundError:
        return {}
    report = read_json(path) if path.is_file() else {}
    return report if isinstance(report, dict) else {}


def read_measurement(report: Mapping[str, Any]) -> Measurement | None:
    """Return a report.json as the advisor reads it; None for an empty one."""
    if not report:
        return None
    scores = {}
    for item in report.get("strategies", ()):
        metric = item.get("metrics", {}).get(report.get("decisive"))
        if metric and metric.get("higher_is_better"):
            found = _interval(metric["interval"])
            if _is_share(found):
                scores[str(item["name"])] = found
    advice = report.get("recommendation", {})
    pairs = {
        (str(item["strategy"]), str(item["against"])): _interval(item["difference"])
        for item in report.get("comparisons", ())
    }
    return Measurement(
        run=str(report.get("id", "")),
        questions=int(report.get("questions", 0)),
        scores=scores,
        differences=_both_ways(pairs),
        strategy=str(advice.get("strategy", UNDECIDED)) if advice.get("is_decided") else UNDECIDED,
        day=str(report.get("volatile", {}).get("finished", ""))[:10],
    )


def _is_share(found: Interval) -> bool:
    return 0 <= found.value <= 1


def _interval(value: Mapping[str, Any]) -> Interval:
    low, high = (float("nan") if value[key] is None else float(value[key]) for key in ("low", "high"))
    return Interval(float(value["value"]), low, high, float(value.get("level", 0.95)))


def _both_ways(pairs: Mapping[tuple[str, str], Interval]) -> dict[tuple[str, str], Interval]:
    turned = {
        (against, strategy): replace(gap, value=-gap.value, low=-gap.high, high=-gap.low)
        for (strategy, against), gap in pairs.items()
    }
    return {**turned, **pairs}
