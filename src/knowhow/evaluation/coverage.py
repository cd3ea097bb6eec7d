"""Whether the documents hold the answers at all: what stands in no document, no retrieval can find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from knowhow.language import words
from knowhow.types import Example

_LONG_ANSWER_WORDS = 8
_LONG_ANSWER_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Coverage:
    """Ids of answerable examples whose answer stands in no document; `share` is the covered share, None without examples."""

    uncovered: tuple[str, ...]
    share: float | None
    unknown_documents: Mapping[str, str] = field(default_factory=dict, hash=False)


def find_uncovered(
    examples: Sequence[Example], documents: Mapping[str, str], names: Collection[str] = ()
) -> Coverage:
    """Check each example's accepted answers against document texts by id; evidence may also go by one of `names` (paths).

    A short answer must stand word for word in some document; of a long one at least 70 % of its words must stand in a single document
    (its evidence where it names one), because a written answer rarely repeats its source.
    """
    index = _WordIndex(documents)
    known = {*documents, *names}
    uncovered: list[str] = []
    unknown: dict[str, str] = {}
    for example in examples:
        named = [item.document for item in example.evidence if item.document]
        absent = [name for name in named if name not in known]
        if absent:
            unknown[example.id] = absent[0]
        if not any(index.holds(text) for text in (*example.references, *_quotes(example))):
            uncovered.append(example.id)
    share = 1 - len(uncovered) / len(examples) if examples else None
    return Coverage(tuple(uncovered), share, unknown)


def _quotes(example: Example) -> tuple[str, ...]:
    return tuple(item.quote for item in example.evidence if item.quote)


class _WordIndex:
    """Documents by word, with their words as one searchable string."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._texts: list[str] = []
        self._postings: dict[str, set[int]] = defaultdict(set)
        for number, text in enumerate(documents.values()):
            found = words(text)
            self._texts.append(f" {' '.join(found)} ")
            for word in set(found):
                self._postings[word].add(number)

    def holds(self, answer: str) -> bool:
        """Say whether some document holds the answer."""
        wanted = words(answer)
        if not wanted:
            return False
        candidates = set.intersection(*(self._postings.get(word, set()) for word in set(wanted)))
        phrase = f" {' '.join(wanted)} "
        if any(phrase in self._texts[number] for number in candidates):
            return True
        return len(wanted) >= _LONG_ANSWER_WORDS and self._shares_most(wanted)

    def _shares_most(self, wanted: Sequence[str]) -> bool:
        counts: dict[int, int] = defaultdict(int)
        distinct = set(wanted)
        for word in distinct:
            for number in self._postings.get(word, ()):
                counts[number] += 1
        return max(counts.values(), default=0) >= _LONG_ANSWER_SHARE * len(distinct)
