"""Answer relevance: whether the answer is about what was asked, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.evaluation.metrics.content import delivered_text
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.evaluation.metrics.support import content_stems
from knowhow.protocols import Embedder
from knowhow.registry import register
from knowhow.types import Answer, Example


@register("metric", "answer_relevance")
@describe(MetricInfo(summary="Closeness of answer and question, by shared words or by an embedder."))
@dataclass(frozen=True)
class AnswerRelevance:
    """Cosine of question and answer by `embedder`, else the share of the question's content words that the answer takes up.

    By words a terse right answer scores low: compare strategies with it, don't read it as an absolute.
    """

    embedder: Embedder | None = None

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer in [0, 1]; None for an abstention and for a question without content words."""
        if answer.error is not None:
            return 0.0
        text = delivered_text(answer)
        if answer.abstained:
            return None
        if self.embedder is not None:
            if not text:
                return 0.0
            question, given = self.embedder.embed([example.question, text])
            return min(1.0, max(0.0, float(question @ given)))
        wanted = content_stems(example.question)
        return len(wanted & content_stems(text)) / len(wanted) if wanted else None
