"""Exact dense search: one float32 matrix in memory, grown in place, scanned by matrix product and rescored in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowhow.retrieval.engine.permissions import Readable
from knowhow.retrieval.engine.ranking import rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The float32 product may differ from the exact cosine by this much, and from itself with the number of rows beside it;
# candidates within it are rescored in float64, so that neither order nor score depends on what else is stored.
_TOLERANCE = 1e-4
_GATHER_SHARE = 0.08
_BLOCK = 64


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows at length 1; rows of zeros stay."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


class Matrix:
    """Append-only rows of unit vectors; a holder of an earlier row count never sees its rows change."""

    def __init__(self, dimension: int) -> None:
        self.dimension, self.rows = dimension, 0
        self._buffer = np.empty((0, dimension), dtype=np.float32)

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Add rows, doubling the buffer when it is full."""
        needed = self.rows + len(vectors)
        if needed > len(self._buffer):
            grown = np.empty((max(needed, len(self._buffer) * 3 // 2), self.dimension), dtype=np.float32)
            grown[: self.rows] = self._buffer[: self.rows]
            self._buffer = grown
        self._buffer[self.rows : needed] = vectors
        self.rows = needed

    def view(self) -> NDArray[np.float32]:
        """Return the rows present now."""
        return self._buffer[: self.rows]


def search_vectors(
    matrix: NDArray[np.float32],
    vectors: NDArray[np.float32],
    readable: Sequence[Readable],
    ids: Sequence[str],
    k: int,
) -> list[list[tuple[int, float]]]:
    """Return for each query (row, cosine) of its k best readable rows, best first."""
    found: list[list[tuple[int, float]]] = []
    for start in range(0, len(vectors), _BLOCK):
        block, allowed = vectors[start : start + _BLOCK], readable[start : start + _BLOCK]
        wide = [place for place, part in enumerate(allowed) if not _is_narrow(part, matrix)]
        scanned = dict(zip(wide, _scan(matrix, block[wide]), strict=True))
        for place, part in enumerate(allowed):
            if place in scanned:
                scores = scanned[place] if part.is_everything else scanned[place][part.rows]
            else:
                scores = matrix[part.rows] @ block[place]
            found.append(_best(matrix, block[place], part.rows, scores, ids, k))
    return found


def _scan(matrix: NDArray[np.float32], block: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(block) == 1:
        single: NDArray[np.float32] = (matrix @ block[0])[None, :]
        return single
    return np.ascontiguousarray((matrix @ block.T).T)


def _is_narrow(readable: Readable, matrix: NDArray[np.float32]) -> bool:
    return readable.count < _GATHER_SHARE * len(matrix)


def _best(
    matrix: NDArray[np.float32],
    vector: NDArray[np.float32],
    rows: NDArray[np.intp],
    scores: NDArray[np.float32],
    ids: Sequence[str],
    k: int,
) -> list[tuple[int, float]]:
    if not len(rows) or k <= 0:
        return []
    if len(rows) > k:
        limit = np.partition(scores, len(scores) - k)[len(scores) - k]
        near = np.flatnonzero(scores >= limit - _TOLERANCE)
        rows = rows[near]
    exact = (matrix[rows].astype(np.float64) * vector.astype(np.float64)).sum(axis=1)
    return [(int(rows[position]), float(exact[position])) for position in rank(exact, rows, ids, k)]
