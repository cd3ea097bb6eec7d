"""How far passages support a text: sentence by sentence, by aligned words and by rules for what words alone do not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from knowhow.evaluation.metrics.claims import (
    MONTHS,
    Number,
    find_numbers,
    swapped_months,
    swapped_numbers,
    unsupported_months,
    unsupported_names,
    unsupported_numbers,
)
from knowhow.evaluation.metrics.opposites import (
    NEGATIONS,
    find_cjk_denials,
    find_cjk_opposites,
    find_denials,
    find_opposites,
)
from knowhow.language import is_cjk, sentences, words

_STOP_TEXT = (
    "a an the and or but if of to in on at for with by from as is are was were be been being am do does did has have had "
    "having it its this that these those he she they them his her their i you we me my your our us so than then there here "
    "which who whom what when where why how can could will would shall should may might must also into very just such own "
    "s t 的 了 是 在 和 也 与 而 就 都 は が を に の で と も へ や"
)
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_VERBS_TEXT = (
    "is are was were be been am do does did has have had can could will would shall should may might must"
)
_WINDOW = 3
_CLOSE = 0.95
_ALIKE = 0.5
_CONFLICT_FACTOR = 0.5
FLOOR = 0.6
"""Support from which a sentence counts as supported: between .5 and .65 the development halves are told apart about equally well."""


@dataclass(frozen=True, slots=True)
class SentenceSupport:
    """One sentence at [start, end) with its support in [0, 1] and what contradicts the evidence or is missing from it."""

    start: int
    end: int
    support: float
    conflicts: tuple[str, ...] = ()
    tokens: int = 0


@dataclass(frozen=True)
class EvidenceText:
    """Passages prepared for alignment: sentences (or lines) with the stems of each, all stems, all numbers."""

    text: str
    sentences: tuple[str, ...]
    stems: tuple[frozenset[str], ...]
    vocabulary: frozenset[str]
    numbers: tuple[Number, ...]

    @classmethod
    def read(cls, passages: Sequence[str]) -> EvidenceText:
        """Split and stem the passages."""
        text = "\n\n".join(passages)
        parts = tuple(
            line for start, end in sentences(text) for line in text[start:end].split("\n") if line.strip()
        )
        stems = tuple(frozenset(map(stem, words(part))) for part in parts)
        return cls(text, parts, stems, frozenset().union(*stems), tuple(find_numbers(text)))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the Snowball stem of an English word without possessive; other scripts and words with digits stay as they are."""
    word = word.removesuffix("'s").removesuffix("’s")
    if not word.isascii() or not word.isalpha():
        return word
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _linking_stems() -> frozenset[str]:
    return frozenset(map(stem, _STOP_WORDS - frozenset(_VERBS_TEXT.split())))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def content_stems(text: str) -> frozenset[str]:
    """Return the stems of a text's words without stop words."""
    return frozenset(stem(word) for word in words(text) if word not in _STOP_WORDS)


def assess(text: str, passages: Sequence[str]) -> tuple[SentenceSupport, ...]:
    """Return the support of each sentence of `text` by the passages; sentences without a word are left out.

    Support is the mean of two shares, the sentence's tokens found anywhere in the evidence and its content words found
    within the best stretch of three sentences, halved for every kind of conflict that a rule finds: a number, month or name
    that the evidence lacks, a negation or an opposite where the best stretch says otherwise.
    """
    return _assess(text, tuple(passages))


def overall_support(assessed: Sequence[SentenceSupport]) -> float | None:
    """Return the mean support of the sentences, weighted by their tokens; None without any."""
    total = sum(sentence.tokens for sentence in assessed)
    return sum(sentence.support * sentence.tokens for sentence in assessed) / total if total else None


@lru_cache(maxsize=1024)
def _assess(text: str, passages: tuple[str, ...]) -> tuple[SentenceSupport, ...]:
    # Several metrics ask for the same answer one after the other.
    evidence = _read(passages)
    found = []
    for start, end in sentences(text):
        tokens = words(text[start:end])
        if tokens:
            found.append(_assess_sentence(text[start:end], tokens, start, evidence))
    return tuple(found)


@lru_cache(maxsize=256)
def _read(passages: tuple[str, ...]) -> EvidenceText:
    return EvidenceText.read(passages)


def _assess_sentence(sentence: str, tokens: list[str], start: int, evidence: EvidenceText) -> SentenceSupport:
    stems = [stem(token) for token in tokens]
    content = [
        stemmed for stemmed, token in zip(stems, tokens, strict=True) if token not in _STOP_WORDS
    ] or stems
    share, window = _best_window(content, evidence)
    anywhere = sum(stemmed in evidence.vocabulary for stemmed in stems) / len(stems)
    conflicts = _find_conflicts(sentence, tokens, share, window, evidence)
    kinds = {conflict.partition(":")[0] for conflict in conflicts}
    support = (anywhere + share) / 2 * _CONFLICT_FACTOR ** len(kinds)
    return SentenceSupport(start, start + len(sentence), support, tuple(conflicts), len(tokens))


def _best_window(content: Sequence[str], evidence: EvidenceText) -> tuple[float, str]:
    """Return the largest share of `content` within up to three adjacent sentences, and the shortest such stretch."""
    wanted = set(content)
    counts = {stemmed: content.count(stemmed) for stemmed in wanted}
    shared = [wanted & sentence for sentence in evidence.stems]
    best, place = 0, (0, 0)
    for size in range(1, _WINDOW + 1):
        for first in range(max(1, len(shared) - size + 1)):
            covered = set().union(*shared[first : first + size])
            value = sum(counts[stemmed] for stemmed in covered)
            if value > best:
                best, place = value, (first, first + size)
    return best / len(content), "\n".join(evidence.sentences[slice(*place)])


def _find_conflicts(
    sentence: str, tokens: list[str], share: float, window: str, evidence: EvidenceText
) -> list[str]:
    """Return what the rules object to, each as `kind: word`."""
    found = [f"number: {text}" for text in unsupported_numbers(sentence, evidence.numbers, evidence.text)]
    found += [f"date: {month}" for month in unsupported_months(sentence, evidence.text)]
    found += [f"name: {name}" for name in unsupported_names(sentence, evidence.text)]
    if window:
        found += _find_reversals(sentence, tokens, share, window)
    return found + _find_swaps(sentence, tokens, evidence)


def _find_reversals(sentence: str, tokens: list[str], share: float, window: str) -> list[str]:
    """Return the opposites and negations by which the sentence turns its best stretch round."""
    if is_cjk(sentence):
        return [f"opposite: {word}" for word in find_cjk_opposites(sentence, window)] + [
            f"negation: {word}" for word in find_cjk_denials(sentence, window)
        ]
    others = words(window)
    # Where the stretch is only loosely alike, articles and prepositions behind a negation show nothing.
    ignored = _linking_stems() if share < _ALIKE else frozenset()
    return [f"opposite: {word}" for word in find_opposites(tokens, frozenset(others))] + [
        f"negation: {word}" for word in find_denials(_stems(tokens), _stems(others), ignored)
    ]


def _stems(tokens: Sequence[str]) -> list[str]:
    return [token if token in NEGATIONS else stem(token) for token in tokens]


def _find_swaps(sentence: str, tokens: list[str], evidence: EvidenceText) -> list[str]:
    """Return the numbers and months that a near copy of an evidence sentence puts in place of that sentence's own.

    A near copy has almost all other content words of one sentence; where it copies several, one without a swap clears it.
    """
    wanted = {stem(token) for token in tokens if token not in _STOP_WORDS and not _is_changeable(token)}
    if not wanted:
        return []
    found: list[str] = []
    for original, stems in zip(evidence.sentences, evidence.stems, strict=True):
        if len(wanted & stems) >= _CLOSE * len(wanted):
            swaps = [f"number: {text}" for text in swapped_numbers(sentence, original)]
            swaps += [f"date: {month}" for month in swapped_months(sentence, original)]
            if not swaps:
                return []
            found = found or swaps
    return found


def _is_changeable(token: str) -> bool:
    return any(character.isdigit() for character in token) or token in MONTHS
