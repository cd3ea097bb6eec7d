"""Abstention: saying nothing where nothing can be said, and only there. Each metric's mean over its rows is the rate."""

from __future__ import annotations

from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.registry import register
from knowhow.types import Answer, Example


@register("metric", "abstention_precision")
@describe(MetricInfo(kind="abstention", is_binary=True, summary="Share of abstentions on unanswerable rows."))
def abstention_precision(example: Example, answer: Answer) -> float | None:
    """For an abstention 1 on an unanswerable row and 0 on an answerable one; None for every other answer."""
    if not answer.abstained or answer.error is not None:
        return None
    return float(not example.is_answerable)


@register("metric", "abstention_recall")
@describe(MetricInfo(kind="abstention", is_binary=True, summary="Share of unanswerable rows abstained from."))
def abstention_recall(example: Example, answer: Answer) -> float | None:
    """On an unanswerable row 1 for an abstention, 0 for an answer or a failure; None on answerable rows."""
    if example.is_answerable:
        return None
    return float(answer.abstained and answer.error is None)


@register("metric", "over_refusal")
@describe(
    MetricInfo(
        kind="abstention",
        is_binary=True,
        higher_is_better=False,
        summary="Share of answerable rows abstained from.",
    )
)
def over_refusal(example: Example, answer: Answer) -> float | None:
    """On an answerable row 1 for an abstention; None on unanswerable rows and for a failed answer."""
    if not example.is_answerable or answer.error is not None:
        return None
    return float(answer.abstained)


@register("metric", "failure_rate")
@describe(
    MetricInfo(is_binary=True, higher_is_better=False, summary="Share of questions whose answer failed.")
)
def failure_rate(example: Example, answer: Answer) -> float | None:
    """1 for an answer that failed."""
    return float(answer.error is not None)
