"""Means over questions and training seeds: both vary, and both count in the error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from knowhow.evaluation.statistics.resampling import Array, group
from knowhow.types import Interval


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """The mean over seeds and questions with its interval, and how far one seed's mean lies from another's (deviation)."""

    mean: Interval
    seed_deviation: float
    seed_means: tuple[float, ...]


def mean_over_seeds(
    scores: Sequence[Sequence[float]] | Array,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> SeedSpread:
    """Return the mean of `scores`, shape (seeds, questions), seeds and questions both being random.

    The variance is that of a crossed random-effects design, (MSq + MSs - MSe) / (seeds * questions), with Satterthwaite's
    degrees of freedom; questions are taken in clusters where given. For a difference pass the matrix of paired differences.
    A single seed cannot show how seeds vary: its interval covers the questions alone.
    """
    from scipy.special import stdtrit

    matrix = np.asarray(scores, dtype=float)
    seeds = matrix.shape[0]
    mean = float(matrix.mean())
    grouped = group(matrix.mean(axis=0)[:, None], clusters)
    over_questions, freedom_questions = float(grouped.errors[0]) ** 2, len(grouped.counts) - 1
    seed_means = matrix.mean(axis=1)
    if seeds > 1:
        over_seeds, freedom_seeds = float(seed_means.var(ddof=1)) / seeds, seeds - 1
        residuals = group((matrix - matrix.mean(axis=0) - seed_means[:, None] + mean).T, clusters)
        both = float((residuals.errors**2).sum()) / (seeds * (seeds - 1))
    else:
        over_seeds, freedom_seeds, both = 0.0, 1, 0.0
    # Each one-way variance already holds the residual's share once, so that it is taken away once.
    variance = max(over_questions + over_seeds - both, over_questions, over_seeds)
    parts = over_questions**2 / max(1, freedom_questions) + over_seeds**2 / freedom_seeds
    freedom = variance**2 / parts if parts > 0 else max(1, freedom_questions)
    half = float(stdtrit(freedom, 0.5 + level / 2) * np.sqrt(variance))
    interval = Interval(mean, mean - half, mean + half, level)
    deviation = float(seed_means.std(ddof=1)) if seeds > 1 else 0.0
    return SeedSpread(interval, deviation, tuple(map(float, seed_means)))
