"""Exact match, token F1 and contains, with the normalisation of SQuAD (words) and CMRC (Chinese and Japanese characters)."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from knowhow.evaluation.metrics.content import best_over_references, delivered_text, is_character_based
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.language import is_cjk
from knowhow.registry import register
from knowhow.types import Answer, Example

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_DECIMAL_POINT = re.compile(r"(?<=\d)\.(?=\d)")


def normalise_words(text: str) -> str:
    """Lower case, without ASCII punctuation, English articles and surplus space (SQuAD: Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def normalise_characters(text: str) -> str:
    """NFKC, lower case, without punctuation (decimal points and % stay) and space (CMRC 2018: Cui et al. 2019)."""
    folded = _DECIMAL_POINT.sub("\0", unicodedata.normalize("NFKC", text).lower())
    kept = (
        character
        for character in folded
        if character in "\0%" or not (unicodedata.category(character)[0] in "PZC" or character in "^`~+=")
    )
    return "".join(kept).replace("\0", ".")


def split_characters(text: str) -> list[str]:
    """Return one token per Chinese or Japanese character and one per run of anything else, punctuation dropped."""
    tokens: list[str] = []
    for word in unicodedata.normalize("NFKC", text).split():
        run = ""
        for character in normalise_characters(word):
            if is_cjk(character):
                tokens += [run, character] if run else [character]
                run = ""
            else:
                run += character
        tokens += [run] if run else []
    return tokens


def bag_f1(predicted: list[str], expected: list[str]) -> float:
    """Harmonic mean of precision and recall over the multiset overlap; two empty lists agree."""
    if not predicted or not expected:
        return float(predicted == expected)
    return _f1(sum((Counter(predicted) & Counter(expected)).values()), len(predicted), len(expected))


def substring_f1(predicted: list[str], expected: list[str]) -> float:
    """The same over the longest run of tokens that both share, as the CMRC 2018 script counts."""
    if not predicted or not expected:
        return float(predicted == expected)
    best, previous = 0, [0] * (len(expected) + 1)
    for token in predicted:
        current = [0] * (len(expected) + 1)
        for place, other in enumerate(expected):
            if token == other:
                current[place + 1] = previous[place] + 1
        best, previous = max(best, *current), current
    return _f1(best, len(predicted), len(expected))


def _f1(shared: int, predicted: int, expected: int) -> float:
    if shared == 0:
        return 0.0
    precision, recall = shared / predicted, shared / expected
    return 2 * precision * recall / (precision + recall)


Compare = Callable[[str, str], float]
"""(answer, reference) -> score, both as they were written."""


def _score(
    metric: ExactMatch | TokenF1 | Contains,
    example: Example,
    answer: Answer,
    by_words: Compare,
    by_characters: Compare,
) -> float | None:
    """The best score over the references; None without any, and for an unanswerable row 1 where nothing was said (as SQuAD 2 does)."""
    if example.is_answerable and not example.references:
        return None
    if answer.error is not None:
        return 0.0
    text = delivered_text(answer, metric.sections, metric.section)
    is_character = is_character_based(example)
    if not example.is_answerable:
        return float((normalise_characters if is_character else normalise_words)(text) == "")
    return best_over_references(example, text, by_characters if is_character else by_words)


@register("metric", "exact_match")
@describe(MetricInfo(is_binary=True, summary="Share of answers equal to a reference after normalisation."))
@dataclass(frozen=True)
class ExactMatch:
    """1 when the content equals a reference after normalisation; on an unanswerable row 1 for an abstention."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        return _score(
            self,
            example,
            answer,
            lambda ours, theirs: float(normalise_words(ours) == normalise_words(theirs)),
            lambda ours, theirs: float(normalise_characters(ours) == normalise_characters(theirs)),
        )


@register("metric", "token_f1")
@describe(MetricInfo(summary="Overlap of the answer's words (or characters) with the best reference."))
@dataclass(frozen=True)
class TokenF1:
    """Token F1 against the best reference: SQuAD's bag of words, or CMRC's longest common run of characters."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        return _score(
            self,
            example,
            answer,
            lambda ours, theirs: bag_f1(normalise_words(ours).split(), normalise_words(theirs).split()),
            lambda ours, theirs: substring_f1(split_characters(ours), split_characters(theirs)),
        )


@register("metric", "contains")
@describe(MetricInfo(is_binary=True, summary="Share of answers that hold a reference word for word."))
@dataclass(frozen=True)
class Contains:
    """1 when a reference stands in the content as whole words (characters in Chinese); on an unanswerable row 1 for an abstention."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        return _score(
            self,
            example,
            answer,
            lambda ours, theirs: _holds(normalise_words(ours), normalise_words(theirs), " "),
            lambda ours, theirs: _holds(normalise_characters(ours), normalise_characters(theirs), ""),
        )


def _holds(text: str, wanted: str, pad: str) -> float:
    return float(wanted == text if not wanted else f"{pad}{wanted}{pad}" in f"{pad}{text}{pad}")
