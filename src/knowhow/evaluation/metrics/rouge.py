"""ROUGE-1, ROUGE-2 and ROUGE-L F-measures (Lin 2004), without stemming, with a tokenizer by language."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from knowhow.evaluation.metrics.content import best_over_references, delivered_text
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.language import CJK
from knowhow.registry import register
from knowhow.types import Answer, Example

_ENGLISH = re.compile(r"[a-z0-9]+")
_ANY = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")


def tokenise(text: str, language: str = "") -> list[str]:
    """Return the tokens of ROUGE's own English rule for `en` and plain ASCII, else one per CJK character or run of letters."""
    if language.startswith("en") or text.isascii():
        return _ENGLISH.findall(text.lower())
    return _ANY.findall(unicodedata.normalize("NFKC", text).casefold())


def rouge_n(predicted: list[str], expected: list[str], size: int) -> float:
    """F-measure of the n-gram overlap; 0 where either side has none."""
    ours, theirs = _grams(predicted, size), _grams(expected, size)
    return _f_measure(sum((ours & theirs).values()), sum(ours.values()), sum(theirs.values()))


def rouge_l(predicted: list[str], expected: list[str]) -> float:
    """F-measure of the longest common subsequence; 0 where either side is empty."""
    return _f_measure(longest_common_subsequence(predicted, expected), len(predicted), len(expected))


def longest_common_subsequence(first: list[str], second: list[str]) -> int:
    """Return its length by bit-parallel dynamic programming (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for token in second:
        matches = row & places.get(token, 0)
        row = (row + matches | row - matches) & full
    return len(first) - row.bit_count()


def _grams(tokens: list[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(size)), strict=False))


def _f_measure(shared: int, predicted: int, expected: int) -> float:
    return 2 * shared / (predicted + expected) if shared else 0.0


def _score(
    example: Example, answer: Answer, sections: tuple[str, ...], section: str, size: int | None
) -> float | None:
    if answer.error is not None:
        return 0.0 if example.references else None
    if not example.references:
        return None

    def compare(ours: str, theirs: str) -> float:
        predicted, expected = tokenise(ours, example.language), tokenise(theirs, example.language)
        return rouge_l(predicted, expected) if size is None else rouge_n(predicted, expected, size)

    return best_over_references(example, delivered_text(answer, sections, section), compare)


@register("metric", "rouge_1")
@describe(MetricInfo(summary="Overlap of single words with the best reference."))
@dataclass(frozen=True)
class Rouge1:
    """ROUGE-1 F-measure of the content against the best reference; an abstention scores 0."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None without references."""
        return _score(example, answer, self.sections, self.section, 1)


@register("metric", "rouge_2")
@describe(MetricInfo(summary="Overlap of word pairs with the best reference."))
@dataclass(frozen=True)
class Rouge2:
    """ROUGE-2 F-measure of the content against the best reference; an abstention scores 0."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None without references."""
        return _score(example, answer, self.sections, self.section, 2)


@register("metric", "rouge_l")
@describe(MetricInfo(summary="Longest common subsequence with the best reference."))
@dataclass(frozen=True)
class RougeL:
    """ROUGE-L F-measure of the content against the best reference; an abstention scores 0."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None without references."""
        return _score(example, answer, self.sections, self.section, None)
