"""Lexical postings as flat arrays sorted by term: one segment per batch of new rows, merged as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings of a range of rows: those of `terms[i]` stand at `offsets[i]:offsets[i + 1]`, rows upwards."""

    terms: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.uint16]

    def find(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """Return rows and counts of a term."""
        place = int(np.searchsorted(self.terms, term))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.counts[:0]
        start, stop = int(self.offsets[place]), int(self.offsets[place + 1])
        return self.rows[start:stop], self.counts[start:stop]


def make_segment(terms: NDArray[np.int64], rows: NDArray[np.int32], counts: NDArray[np.uint16]) -> Segment:
    """Sort parallel arrays of (term, row, count) into a segment; rows must rise within each term's input order."""
    order = np.argsort(terms, kind="stable")
    ordered = terms[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else order
    return Segment(ordered[starts], np.append(starts, len(ordered)), rows[order], counts[order])


def append_segment(segments: Sequence[Segment], added: Segment) -> tuple[Segment, ...]:
    """Return the segments with `added` at the end, merging neighbours of like size so that their number stays logarithmic."""
    merged = [*segments, added]
    while len(merged) > 1 and len(merged[-2].rows) <= 2 * len(merged[-1].rows):
        right, left = merged.pop(), merged.pop()
        merged.append(_merge(left, right))
    return tuple(merged)


def _merge(left: Segment, right: Segment) -> Segment:
    terms = np.concatenate([np.repeat(part.terms, np.diff(part.offsets)) for part in (left, right)])
    return make_segment(
        terms, np.concatenate([left.rows, right.rows]), np.concatenate([left.counts, right.counts])
    )
