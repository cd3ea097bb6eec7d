"""Agreement of two raters beyond chance: Cohen's kappa with an interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from knowhow.types import Interval

RESAMPLES = 2000


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return kappa (Cohen 1960) of two raters over the same items with a percentile bootstrap interval.

    Two raters who both use a single label agree by chance alone: kappa is 0 there. No items give 0 in [-1, 1].
    """
    if len(first) != len(second):
        raise ValueError("Both raters must label the same items.")
    if not first:
        return Interval(0.0, -1.0, 1.0, level)
    labels = {label: place for place, label in enumerate(dict.fromkeys([*first, *second]))}
    cells = np.array([labels[a] * len(labels) + labels[b] for a, b in zip(first, second, strict=True)])
    size = len(labels)

    def kappa(drawn: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
        table = np.bincount(cells[drawn], minlength=size * size).reshape(size, size) / len(drawn)
        chance = float(table.sum(axis=1) @ table.sum(axis=0))
        return 0.0 if chance >= 1 else (float(np.trace(table)) - chance) / (1 - chance)

    rng = np.random.default_rng(seed)
    drawn = [kappa(rng.integers(0, len(cells), len(cells))) for _ in range(resamples)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(kappa(np.arange(len(cells))), float(low), float(high), level)
