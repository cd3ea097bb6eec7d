"""Form: whether an answer keeps the demanded format, whatever it says."""

from __future__ import annotations

from dataclasses import dataclass, field

from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.formats import find_violations, is_demanding
from knowhow.registry import register
from knowhow.types import Answer, Example, Format


@register("metric", "format_compliance")
@describe(MetricInfo(kind="form", is_binary=True, summary="Share of answers that keep the demanded format."))
@dataclass(frozen=True)
class FormatCompliance:
    """1 when the text breaks nothing of `form` and generation noted no violation either."""

    form: Format = field(default_factory=Format)

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an abstention, and where no form is demanded and none was broken."""
        if answer.error is not None:
            return 0.0
        if answer.abstained or not (is_demanding(self.form) or answer.violations):
            return None
        return float(not answer.violations and not find_violations(answer.text, self.form))
