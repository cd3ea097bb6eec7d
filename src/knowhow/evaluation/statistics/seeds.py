"""Means over questions and training seeds: both vary, and both count in the error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np

from knowhow.evaluation.statistics.power import detectable_difference
from knowhow.evaluation.statistics.resampling import Array, group
from knowhow.types import Comparison, Interval

_TIE = 1e-12
_LEAST_P = 1e-12


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """The mean over seeds and questions with its interval, and how far one seed's mean lies from another's (deviation).

    `errors` are the standard errors from questions and from seeds, `freedoms` their degrees of freedom.
    """

    mean: Interval
    seed_deviation: float
    seed_means: tuple[float, ...]
    errors: tuple[float, float]
    freedoms: tuple[int, int]

    @property
    def p_value(self) -> float:
        """The tail at which the interval just touches zero: two-sided, for the mean being zero; at least 1e-12."""
        from scipy.optimize import bisect

        distance = abs(self.mean.value)
        if distance == 0.0 or max(self.errors) == 0.0:
            return 1.0 if distance == 0.0 else _LEAST_P

        def excess(log_p: float) -> float:
            return _half_width(self.errors, self.freedoms, float(np.exp(log_p))) - distance

        lowest = float(np.log(_LEAST_P))
        # The width falls from its largest at the smallest tail to nothing at a tail of 1.
        return _LEAST_P if excess(lowest) <= 0 else float(np.exp(bisect(excess, lowest, 0.0)))


def mean_over_seeds(
    scores: Sequence[Sequence[float]] | Array,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> SeedSpread:
    """Return the mean of `scores`, shape (seeds, questions), seeds and questions both being random.

    The interval's half width is the root of the summed squares of the two half widths, of Student's t over questions (in clusters
    where given) and over seeds: it covers at least at `level` however much either varies (Banerjee, Sankhya 1960). Satterthwaite's
    degrees of freedom would be narrower, and with two or three seeds too narrow. For a difference pass the paired differences.
    A single seed cannot show how seeds vary: its interval covers the questions alone.
    """
    matrix = np.asarray(scores, dtype=float)
    seeds = matrix.shape[0]
    mean = float(matrix.mean())
    grouped = group(matrix.mean(axis=0)[:, None], clusters)
    seed_means = matrix.mean(axis=1)
    deviation = float(seed_means.std(ddof=1)) if seeds > 1 else 0.0
    errors = (float(grouped.errors[0]), deviation / float(np.sqrt(seeds)))
    freedoms = (max(1, len(grouped.counts) - 1), max(1, seeds - 1))
    half = _half_width(errors, freedoms, 1 - level)
    interval = Interval(mean, mean - half, mean + half, level)
    return SeedSpread(interval, deviation, tuple(map(float, seed_means)), errors, freedoms)


def _half_width(errors: tuple[float, float], freedoms: tuple[int, int], tail: float) -> float:
    from scipy.special import stdtrit

    widths = [
        -float(stdtrit(freedom, tail / 2)) * error if error > 0 else 0.0
        for error, freedom in zip(errors, freedoms, strict=True)
    ]
    return hypot(*widths)


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
    the level at which the interval touches zero, so that it holds for further seeds as well.
    """
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
    gains = matrix.mean(axis=0) * (1 if higher_is_better else -1)
    deviation = hypot(*spread.errors) * sqrt(len(places))
    return Comparison(
        metric=metric,
        strategy=strategy,
        against=against,
        difference=spread.mean,
        p_value=spread.p_value,
        p_adjusted=spread.p_value,
        wins=int((gains > _TIE).sum()),
        ties=int((np.abs(gains) <= _TIE).sum()),
        losses=int((gains < -_TIE).sum()),
        test="seeds",
        detectable=detectable_difference(len(places), deviation, alpha=1 - level, comparisons=comparisons),
    )
