"""Exact match, token F1 and contains, with the normalisation of SQuAD (words) and CMRC (Chinese and Japanese characters)."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
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


def _no_answer_score(example: Example, answer: Answer, normalised: str) -> float | None:
    """Settle failed answers, rows without an answer (as SQuAD 2 does) and rows without a reference."""
    if answer.error is not None:
        return 0.0
    if not example.is_answerable:
        return float(normalised == "")
    return None


def _is_unscored(example: Example) -> bool:
    return example.is_answerable and not example.references


@register("metric", "exact_match")
@describe(MetricInfo(is_binary=True, summary="Share of answers equal to a reference after normalisation."))
@dataclass(frozen=True)
class ExactMatch:
    """1 when the content equals a reference after normalisation; on an unanswerable row 1 for an abstention."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        if _is_unscored(example):
            return None
        normalise = normalise_characters if is_character_based(example) else normalise_words
        text = normalise(delivered_text(answer, self.sections, self.section))
        settled = _no_answer_score(example, answer, text)
        if settled is not None:
            return settled
        return best_over_references(example, text, lambda ours, theirs: float(ours == normalise(theirs)))


@register("metric", "token_f1")
@describe(MetricInfo(summary="Overlap of the answer's words (or characters) with the best reference."))
@dataclass(frozen=True)
class TokenF1:
    """Token F1 against the best reference: SQuAD's bag of words, or CMRC's longest common run of characters."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        if _is_unscored(example):
            return None
        is_character = is_character_based(example)
        compare = _compare_characters if is_character else _compare_words
        normalise = normalise_characters if is_character else normalise_words
        text = delivered_text(answer, self.sections, self.section)
        settled = _no_answer_score(example, answer, normalise(text))
        return settled if settled is not None else best_over_references(example, text, compare)


def _compare_words(ours: str, theirs: str) -> float:
    return bag_f1(normalise_words(ours).split(), normalise_words(theirs).split())


def _compare_characters(ours: str, theirs: str) -> float:
    return substring_f1(split_characters(ours), split_characters(theirs))


@register("metric", "contains")
@describe(MetricInfo(is_binary=True, summary="Share of answers that hold a reference word for word."))
@dataclass(frozen=True)
class Contains:
    """1 when a reference stands in the content as whole words (characters in Chinese); on an unanswerable row 1 for an abstention."""

    sections: tuple[str, ...] = ()
    section: str = ""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for an answerable row without references."""
        if _is_unscored(example):
            return None
        is_character = is_character_based(example)
        normalise = normalise_characters if is_character else normalise_words
        text = normalise(delivered_text(answer, self.sections, self.section))
        settled = _no_answer_score(example, answer, text)
        if settled is not None:
            return settled
        pad = "" if is_character else " "

        def holds(ours: str, theirs: str) -> float:
            expected = normalise(theirs)
            return float(expected == ours if not expected else f"{pad}{expected}{pad}" in f"{pad}{ours}{pad}")

        return best_over_references(example, text, holds)
