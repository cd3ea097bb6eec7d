"""Confidence intervals for means, proportions and paired differences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from knowhow.evaluation.statistics.resampling import Array, Grouped, group, resample
from knowhow.types import Interval

Method = Literal["wider", "bca", "t"]
RESAMPLES = 2000


def mean_interval(
    values: Sequence[float] | Array,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    method: Method = "wider",
) -> Interval:
    """Return the mean of `values` (or of paired differences) with its interval; clusters are resampled whole.

    `wider` takes on each side the farther bound of BCa and Student's t: BCa alone covers too seldom below 60 questions, t
    alone too seldom for skewed differences. Fewer than two clusters give the widest interval that the method can honestly state: minus to plus infinity.
    """
    matrix = np.asarray(values, dtype=float)[:, None]
    if len(matrix) == 0:
        return Interval(0.0, -np.inf, np.inf, level)
    lows, highs = mean_bounds(
        group(matrix, clusters), level=level, resamples=resamples, seed=seed, method=method
    )
    return Interval(float(matrix.mean()), float(lows[0]), float(highs[0]), level)


def mean_bounds(
    grouped: Grouped, *, level: float, resamples: int = RESAMPLES, seed: int = 0, method: Method = "wider"
) -> tuple[Array, Array]:
    """Return lower and upper bounds for the mean of every sample of `grouped`."""
    if len(grouped.counts) < 2:
        unknown = np.full(grouped.sums.shape[1], np.inf)
        return -unknown, unknown
    if method == "t":
        return _t_bounds(grouped, level)
    bca = _bca_bounds(grouped, resample(grouped, resamples, seed), level)
    if method == "bca":
        return bca
    student = _t_bounds(grouped, level)
    return np.minimum(bca[0], student[0]), np.maximum(bca[1], student[1])


def proportion_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval (Wilson 1927) for a proportion; no trials give [0, 1]."""
    if trials == 0:
        return Interval(0.0, 0.0, 1.0, level)
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return Interval(share, max(0.0, float(centre - half)), min(1.0, float(centre + half)), level)


def _t_bounds(grouped: Grouped, level: float) -> tuple[Array, Array]:
    from scipy.special import stdtrit

    half = stdtrit(len(grouped.counts) - 1, 0.5 + level / 2) * grouped.errors
    return grouped.means - half, grouped.means + half


def _bca_bounds(grouped: Grouped, means: Array, level: float) -> tuple[Array, Array]:
    """Bias-corrected and accelerated percentiles (Efron 1987), acceleration by the jackknife over clusters."""
    from scipy.special import ndtr, ndtri

    resamples = len(means)
    below = ((means < grouped.means).sum(axis=0) + 0.5 * (means == grouped.means).sum(axis=0)) / resamples
    bias = ndtri(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
    left_out = (grouped.sums.sum(axis=0) - grouped.sums) / (grouped.counts.sum() - grouped.counts)[:, None]
    deviations = left_out.mean(axis=0) - left_out
    spread = (deviations**2).sum(axis=0)
    scale = 6 * np.where(spread > 1e-24, spread, np.inf) ** 1.5
    acceleration = (deviations**3).sum(axis=0) / scale
    ordered = np.sort(means, axis=0)
    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + ndtri(tail)
        share = ndtr(bias + z / (1 - acceleration * z))
        place = np.clip(share * (resamples + 1) - 1, 0, resamples - 1)
        floor = np.floor(place).astype(int)
        upper = np.minimum(floor + 1, resamples - 1)
        columns = np.arange(means.shape[1])
        weight = place - floor
        bounds.append(ordered[floor, columns] * (1 - weight) + ordered[upper, columns] * weight)
    return bounds[0], bounds[1]
