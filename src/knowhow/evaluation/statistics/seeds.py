"""Means over questions and training seeds: both vary, and both count in the error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from knowhow.evaluation.statistics.power import detectable_difference
from knowhow.evaluation.statistics.resampling import Array, group
from knowhow.types import Comparison, Interval

_TIE = 1e-12


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """The mean over seeds and questions with its interval, and how far one seed's mean lies from another's (deviation)."""

    mean: Interval
    seed_deviation: float
    seed_means: tuple[float, ...]
    error: float
    freedom: float


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
    return SeedSpread(
        interval, deviation, tuple(map(float, seed_means)), float(np.sqrt(variance)), float(freedom)
    )


def compare_over_seeds(
    first: Sequence[Sequence[float | None]],
    second: Sequence[Sequence[float | None]],
    *,
    metric: str,
    strategy: str,
    against: str,
    clusters: Sequence[Hashable] | None = None,
    higher_is_better: bool = True,
    level: float = 0.95,
    comparisons: int = 1,
) -> Comparison | None:
    """Compare two strategies of which at least one was trained with several seeds: one row of scores per seed.

    Rows are paired in order; a strategy with a single row meets every row of the other. Wins, ties and losses count questions
    by their mean over the seeds. Questions that any row leaves unscored are left out; fewer than two give None. The p-value is
    that of the t test with the interval's own error and degrees of freedom, so that it holds for further seeds as well.
    """
    from scipy.special import stdtr

    seeds = (
        min(len(rows) for rows in (first, second) if len(rows) > 1) if max(len(first), len(second)) > 1 else 1
    )
    rows = [(first[i % len(first)], second[i % len(second)]) for i in range(seeds)]
    places = [
        place
        for place in range(len(first[0]))
        if all(a[place] is not None and b[place] is not None for a, b in rows)
    ]
    if len(places) < 2:
        return None
    matrix = np.array([[float(a[place] or 0) - float(b[place] or 0) for place in places] for a, b in rows])
    spread = mean_over_seeds(matrix, [clusters[place] for place in places] if clusters else None, level=level)
    ratio = (
        abs(spread.mean.value) / spread.error if spread.error > 0 else (np.inf if spread.mean.value else 0.0)
    )
    p_value = float(2 * stdtr(spread.freedom, -ratio))
    gains = matrix.mean(axis=0) * (1 if higher_is_better else -1)
    deviation = spread.error * float(np.sqrt(len(places)))
    return Comparison(
        metric=metric,
        strategy=strategy,
        against=against,
        difference=spread.mean,
        p_value=p_value,
        p_adjusted=p_value,
        wins=int((gains > _TIE).sum()),
        ties=int((np.abs(gains) <= _TIE).sum()),
        losses=int((gains < -_TIE).sum()),
        test="seeds",
        detectable=detectable_difference(len(places), deviation, alpha=1 - level, comparisons=comparisons),
    )
