"""Paired comparison of two strategies on the same questions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from knowhow.evaluation.statistics.intervals import RESAMPLES, mean_interval
from knowhow.evaluation.statistics.power import detectable_difference
from knowhow.evaluation.statistics.resampling import Array, all_signs, flip_signs, group
from knowhow.types import Comparison

PERMUTATIONS = 10_000
_EXACT_CLUSTERS = 13
_TIE = 1e-12


def compare(
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    metric: str,
    strategy: str,
    against: str,
    clusters: Sequence[Hashable] | None = None,
    is_binary: bool = False,
    higher_is_better: bool = True,
    level: float = 0.95,
    comparisons: int = 1,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison | None:
    """Compare `first` (the strategy's scores) with `second` (the other's), question by question.

    Questions that either leaves unscored (None) are left out; fewer than two scored pairs give None. The difference is
    first minus second, a win is a better score. Binary metrics without clusters get McNemar's exact test, all others the
    permutation test over clusters. `comparisons` is the size of the family for the detectable difference; `p_adjusted`
    starts as `p_value`: pass the family to `adjust`.
    """
    places = [
        place
        for place, (ours, theirs) in enumerate(zip(first, second, strict=True))
        if ours is not None and theirs is not None
    ]
    if len(places) < 2:
        return None
    ours = np.array([first[place] for place in places], dtype=float)
    theirs = np.array([second[place] for place in places], dtype=float)
    labels = _unless_all_differ([clusters[place] for place in places]) if clusters is not None else None
    differences = ours - theirs
    interval = mean_interval(differences, labels, level=level, resamples=resamples, seed=seed)
    p_value, test = _test(ours, theirs, labels, is_binary, seed)
    grouped = group(differences[:, None], labels)
    deviation = float(grouped.errors[0]) * float(np.sqrt(len(differences)))
    better = differences if higher_is_better else -differences
    return Comparison(
        metric=metric,
        strategy=strategy,
        against=against,
        difference=interval,
        p_value=p_value,
        p_adjusted=p_value,
        wins=int((better > _TIE).sum()),
        ties=int((np.abs(better) <= _TIE).sum()),
        losses=int((better < -_TIE).sum()),
        test=test,
        detectable=detectable_difference(
            len(differences), deviation, alpha=1 - level, comparisons=comparisons
        ),
    )


def mcnemar_p(wins: int, losses: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: the binomial test of wins among the discordant pairs."""
    if wins + losses == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def permutation_p(
    differences: Sequence[float] | Array,
    clusters: Sequence[Hashable] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value of the paired permutation test: signs of whole clusters are flipped.

    All sign patterns are counted where at most 13 clusters differ; otherwise random ones, the observed one included.
    """
    grouped = group(np.asarray(differences, dtype=float)[:, None], clusters)
    moving = np.abs(grouped.sums[:, 0]) > _TIE
    if not moving.any():
        return 1.0
    observed = abs(float(grouped.sums.sum())) - 1e-9
    if moving.sum() <= _EXACT_CLUSTERS:
        sums = all_signs(int(moving.sum())) @ grouped.sums[moving]
        return float((np.abs(sums) >= observed).mean())
    sums = flip_signs(grouped, permutations, seed)
    return float((1 + (np.abs(sums) >= observed).sum()) / (1 + permutations))


def _unless_all_differ(labels: Sequence[Hashable]) -> Sequence[Hashable] | None:
    return labels if len(set(labels)) < len(labels) else None


def _test(
    ours: Array, theirs: Array, clusters: Sequence[Hashable] | None, is_binary: bool, seed: int
) -> tuple[float, Literal["mcnemar", "permutation"]]:
    if is_binary and clusters is None:
        return mcnemar_p(int((ours > theirs).sum()), int((ours < theirs).sum())), "mcnemar"
    return permutation_p(ours - theirs, clusters, seed=seed), "permutation"
