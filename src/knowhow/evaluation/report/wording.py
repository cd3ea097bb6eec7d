"""Figures and names as a reader wants to see them."""

from __future__ import annotations

import math

from knowhow.evaluation.arms import Goal
from knowhow.evaluation.expectations import Prior
from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.recommendation import UNDECIDED
from knowhow.evaluation.results import LatencySummary, MetricSummary, Report, StrategyResult
from knowhow.types import Comparison, Interval

_KINDS = {"quality": 0, "grounding": 1, "abstention": 2, "form": 3, "retrieval": 4}
_PREFERRED = ("grounding", "abstention_recall", "format_compliance", "retrieval_recall")
"""The metric that stands for its kind in a narrow table."""


def metric_order(report: Report) -> list[str]:
    """Return the metrics that any strategy was scored on: the decisive one first, then by kind in the order measured."""
    found = [
        name
        for name in report.record.metrics
        if any(name in item.metrics for item in report.strategies) and name != report.decisive
    ]
    return [report.decisive, *sorted(found, key=lambda name: _KINDS.get(information(name).kind, 9))]


def headline_metrics(report: Report) -> list[str]:
    """Return the few metrics for a narrow table: the decisive one and one of each other kind."""
    found = metric_order(report)
    return [report.decisive, *(name for name in _PREFERRED if name in found[1:])]


def sentence_case(text: str) -> str:
    """Return the text with its first letter large and the others as they are."""
    return text[:1].upper() + text[1:]


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure with fixed digits; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def interval_text(interval: Interval) -> str:
    """Return the bounds as [low, high]; a dash where they are unknown."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "–"
    return f"[{interval.low:.2f}, {interval.high:.2f}]"


def summary_text(summary: MetricSummary | None) -> str:
    """Return a metric's mean."""
    return number(summary.interval.value) if summary else "–"


def milliseconds(value: float) -> str:
    """Return a time with its unit: ms below a second, else seconds."""
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.1f} s"


def slowest_text(times: LatencySummary) -> str:
    """Return the 99th percentile, or the slowest call where there are too few calls for one."""
    return f"{'max ' if times.is_p99_maximum else ''}{milliseconds(times.p99)}"


def cost_text(value: float) -> str:
    """Return a cost with three significant digits."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def points_text(interval: Interval) -> str:
    """Return a change in points with its sign, and its bounds where they are known."""
    value = f"{round(interval.value) + 0:+d}"
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return value
    return f"{value} [{round(interval.low) + 0:+d}, {round(interval.high) + 0:+d}]"


def prior_text(prior: Prior) -> str:
    """Return the advice that was given before measuring, as a sentence."""
    day = f" on {prior.decided}" if prior.decided else ""
    named = "" if prior.strategy == UNDECIDED else f" ({prior.strategy})"
    return f"Advice before measuring{day}: {prior.advice}{named}."


def goal_texts(goal: Goal) -> list[str]:
    """Return the limits and the load of [goal] that this comparison went by; empty where only defaults are set."""
    duties = {
        "answers must cite sources": goal.citations,
        "answers must follow the documents at once": goal.freshness,
        "readers have different rights": goal.permissions,
        "nothing leaves the premises": goal.on_premise,
    }
    found = [text for text, is_set in duties.items() if is_set]
    if goal.max_latency_ms is not None:
        found.append(f"P99 at most {milliseconds(goal.max_latency_ms)}")
    if goal.max_cost_per_1000 is not None:
        found.append(f"at most {cost_text(goal.max_cost_per_1000)} per 1,000 answers")
    if goal.min_quality is not None:
        found.append(f"a score of at least {number(goal.min_quality)}")
    plain = Goal()
    if (goal.questions_per_month, goal.updates_per_month) != (
        plain.questions_per_month,
        plain.updates_per_month,
    ):
        updates = f"{goal.updates_per_month:.3g} update{'' if goal.updates_per_month == 1 else 's'}"
        found.append(f"{goal.questions_per_month:,.0f} questions and {updates} of the facts a month")
    return found


def status_text(report: Report, item: StrategyResult) -> str:
    """Return what the reader must know about a strategy beside its figures; empty for an ordinary one."""
    if item.skipped:
        return "not measured"
    notes = []
    if item.name == report.recommendation.strategy:
        notes.append("recommended")
    if item.traits.is_diagnostic:
        notes.append("diagnostic only")
    if item.lost_to:
        notes.append(f"given up after {item.answered}")
    if item.failed:
        notes.append(f"{item.failed} failed")
    return ", ".join(notes)


def comparison_text(item: Comparison, alpha: float) -> str:
    """Say what a comparison shows."""
    if item.test == "sequential":
        return f"{item.against} is better (given up early)"
    shown = item.p_adjusted <= alpha and not (item.difference.low <= 0 <= item.difference.high)
    if not shown:
        return "no difference shown"
    # The sign of the mean decides, not the count of questions.
    is_first = (item.difference.value > 0) == information(item.metric).higher_is_better
    return f"{item.strategy if is_first else item.against} is better"
