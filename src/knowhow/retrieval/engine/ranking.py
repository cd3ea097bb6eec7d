"""The k best of many scores in a reproducible order: score downwards, then chunk id upwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rank(scores: NDArray[np.float64], rows: NDArray[np.intp], ids: Sequence[str], k: int) -> list[int]:
    """Return the positions in `scores` of the k best, ties by the chunk id `ids[rows[position]]`."""
    if k <= 0 or not len(scores):
        return []
    kept = np.arange(len(scores))
    if len(scores) > k:
        limit = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= limit)
    keys = [(-scores[position], ids[rows[position]], int(position)) for position in kept]
    return [position for _, _, position in sorted(keys)[:k]]
