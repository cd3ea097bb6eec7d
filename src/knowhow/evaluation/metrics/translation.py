"""BLEU and chrF of single answers through sacrebleu, as shares of one, with the tokenizer of the reference's language."""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowhow.evaluation.metrics.content import delivered_text
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.language import is_cjk
from knowhow.registry import register
from knowhow.types import Answer, Example

_KANA = re.compile(r"[\u3040-\u30ff]")


def bleu_tokenizer(example: Example) -> str:
    """Return sacrebleu's name of the tokenizer: zh for Chinese, char for Japanese, 13a otherwise."""
    text = " ".join(example.references)
    if example.language.startswith("ja") or _KANA.search(text):
        return "char"
    return "zh" if example.language.startswith("zh") or is_cjk(text) else "13a"


@register("metric", "bleu")
@describe(MetricInfo(summary="Sentence BLEU against all references; its mean is not corpus BLEU."))
@dataclass(frozen=True)
class Bleu:
    """Sentence BLEU with effective order and exponential smoothing; an abstention scores 0."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None without references."""
        if not example.references:
            return None
        if answer.error is not None:
            return 0.0
        from sacrebleu import sentence_bleu

        text = delivered_text(answer, self.sections, self.section)
        found = sentence_bleu(
            text, list(example.references), tokenize=bleu_tokenizer(example), use_effective_order=True
        )
        return min(1.0, float(found.score) / 100)


@register("metric", "chrf")
@describe(MetricInfo(summary="Overlap of character n-grams with the references (chrF2)."))
@dataclass(frozen=True)
class Chrf:
    """Sentence chrF2; an abstention scores 0."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None without references."""
        if not example.references:
            return None
        if answer.error is not None:
            return 0.0
        from sacrebleu import sentence_chrf

        text = delivered_text(answer, self.sections, self.section)
        return min(1.0, float(sentence_chrf(text, list(example.references)).score) / 100)
