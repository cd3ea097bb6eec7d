"""Grounding: how much of an answer its evidence supports, judged by words and rules alone (no model)."""

from __future__ import annotations

from knowhow.evaluation.metrics.content import strip_markers
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.evaluation.metrics.support import FLOOR, SentenceSupport, assess, overall_support
from knowhow.registry import register
from knowhow.types import Answer, Example


def evidence_passages(example: Example, answer: Answer) -> tuple[str, ...]:
    """Return the retrieved passages, or the quotes that the answer cites, or those of the example where nothing was retrieved."""
    retrieved = tuple(hit.chunk.text for hit in answer.hits)
    cited = tuple(citation.quote for citation in answer.citations if citation.quote)
    return retrieved or cited or tuple(evidence.quote for evidence in example.evidence if evidence.quote)


def assess_answer(example: Example, answer: Answer) -> tuple[SentenceSupport, ...]:
    """Return the support of each sentence of the answer, offsets counted in the text without citation markers."""
    return assess(strip_markers(answer.text), evidence_passages(example, answer))


@register("metric", "grounding")
@describe(MetricInfo(kind="grounding", summary="Share of the answer that the retrieved evidence supports."))
def grounding(example: Example, answer: Answer) -> float | None:
    """Mean support of the answer's sentences, 0 without any evidence; None for an abstention or an empty answer."""
    if answer.error is not None:
        return 0.0
    return None if answer.abstained else overall_support(assess_answer(example, answer))


@register("metric", "hallucination_rate")
@describe(
    MetricInfo(
        kind="grounding",
        higher_is_better=False,
        summary="Share of the answer's sentences whose support lies below the floor.",
    )
)
def hallucination_rate(example: Example, answer: Answer) -> float | None:
    """Share of sentences with less support than the floor; None for a failed or empty answer and for an abstention."""
    if answer.error is not None or answer.abstained:
        return None
    assessed = assess_answer(example, answer)
    return sum(sentence.support < FLOOR for sentence in assessed) / len(assessed) if assessed else None
