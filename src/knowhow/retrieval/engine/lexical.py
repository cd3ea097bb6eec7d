"""BM25 with every statistic counted over readable rows only, so that a score tells nothing of hidden documents.

Robertson and Zaragoza 2009, with the non-negative inverse document frequency ln(1 + (N - n + .5) / (n + .5)).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from knowhow.retrieval.engine.permissions import Readable
from knowhow.retrieval.engine.postings import Segment
from knowhow.retrieval.engine.ranking import rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

SATURATION = 1.2
LENGTH_WEIGHT = 0.75


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A row with its BM25 score and the share of the query's inverse document frequency that its terms cover, 0 to 1."""

    row: int
    score: float
    coverage: float


class Bm25:
    """Scores queries for one set of readable rows of one state of the index."""

    def __init__(
        self, segments: Sequence[Segment], lengths: NDArray[np.int64], readable: Readable, ids: Sequence[str]
    ) -> None:
        self._segments, self._readable, self._ids = segments, readable, ids
        total = int(lengths[readable.rows].sum())
        average = total / readable.count if total else 1.0
        self._norms = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * (lengths / average))

    def search(
        self, terms: Sequence[str], numbers: Mapping[str, tuple[int, ...]], k: int
    ) -> list[LexicalHit]:
        """Return the k best rows that share a term with the query; `numbers` maps terms to their ids."""
        wanted = sorted(Counter(terms).items())
        scores = np.zeros(len(self._readable.mask), dtype=np.float64)
        weights: list[float] = []
        matches: list[list[NDArray[np.int32]]] = []
        # Terms are added up in the order of their text, so that equal statistics give equal bits.
        for term, repeats in wanted:
            rows, counts = self._postings(numbers.get(term, ()))
            frequency = sum(map(len, rows))
            weight = repeats * _inverse_frequency(self._readable.count, frequency)
            weights.append(weight)
            matches.append(rows)
            for part, count in zip(rows, counts, strict=True):
                scores[part] += weight * (count * (SATURATION + 1) / (count + self._norms[part]))
        found = np.flatnonzero(scores)
        best = [int(found[position]) for position in rank(scores[found], found, self._ids, k)]
        covered = _coverage(best, weights, matches)
        return [LexicalHit(row, float(scores[row]), share) for row, share in zip(best, covered, strict=True)]

    def _postings(self, numbers: Sequence[int]) -> tuple[list[NDArray[np.int32]], list[NDArray[np.float64]]]:
        rows: list[NDArray[np.int32]] = []
        counts: list[NDArray[np.float64]] = []
        for segment, number in product(self._segments, numbers):
            part, count = segment.find(number)
            if not self._readable.is_everything:
                keep = self._readable.mask[part]
                part, count = part[keep], count[keep]
            if len(part):
                rows.append(part)
                counts.append(count.astype(np.float64))
        return rows, counts


def _inverse_frequency(total: int, frequency: int) -> float:
    return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def _coverage(
    best: Sequence[int], weights: Sequence[float], matches: Sequence[Sequence[NDArray[np.int32]]]
) -> list[float]:
    rows, shares = np.array(best, dtype=np.int32), np.zeros(len(best), dtype=np.float64)
    whole = sum(weights)
    for weight, parts in zip(weights, matches, strict=True):
        for part in parts:
            places = np.minimum(np.searchsorted(part, rows), len(part) - 1)
            shares[part[places] == rows] += weight
    return [float(share) / whole if whole else 0.0 for share in shares]
