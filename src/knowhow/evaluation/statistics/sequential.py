"""Watching a comparison while it runs: a test that may be looked at after every question without losing its error rate.

Testing by betting (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024): whoever
stakes shares of a capital of 1 against "the mean difference is at least the margin" cannot reach 1 / alpha with a probability
above alpha while that is true (Ville 1939), whenever one stops. The capital is spread evenly over a grid of fixed stakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from knowhow.evaluation.statistics.resampling import Array

_STAKES = 24


def stakes() -> Array:
    """Return the grid of stakes as shares of the largest that cannot go bankrupt, from timid to bold."""
    return np.geomspace(0.02, 0.95, _STAKES)


def log_capital(differences: Array, *, margin: float = 0.0, bound: float = 1.0) -> Array:
    """Return the log of the capital after each question, shape of `differences` (questions first).

    Differences lie in [-bound, bound] (ValueError otherwise); capital grows while they stay below `margin`.
    """
    if np.abs(differences).max(initial=0.0) > bound + 1e-9:
        raise ValueError(f"A difference of {np.abs(differences).max()} lies outside [-{bound}, {bound}].")
    gains = (margin - np.asarray(differences, dtype=float)) / (bound - margin)
    grid = stakes().reshape(-1, *([1] * gains.ndim))
    growth = np.cumsum(np.log1p(grid * gains[None]), axis=1)
    highest = growth.max(axis=0)
    capital: Array = highest + np.log(np.exp(growth - highest).mean(axis=0))
    return capital


def stopping_times(
    differences: Array, *, alpha: float = 0.05, margin: float = 0.0, bound: float = 1.0
) -> Array:
    """Return after how many questions each column of `differences` is shown to have a mean below `margin`; 0 for never."""
    crossed = log_capital(differences, margin=margin, bound=bound) >= -np.log(alpha)
    times: Array = np.where(crossed.any(axis=0), crossed.argmax(axis=0) + 1, 0)
    return times


def find_lost(
    scores: Mapping[str, Sequence[float | None]],
    *,
    alpha: float = 0.05,
    margin: float = 0.0,
    bound: float = 1.0,
) -> dict[str, str]:
    """Return the strategies whose mean is shown to lie below another's by more than `margin`, each with that other.

    `scores` holds one sequence per strategy over the same questions (higher is better, at most `bound` apart), in an order
    that does not depend on the answers; sequences may stop early, None is skipped. Call it as often as you like with more
    questions: the best strategy is given up with a probability of at most `alpha`, which is shared among its opponents.
    Where questions share evidence, pass one mean per cluster.
    """
    lost: dict[str, tuple[int, str]] = {}
    for name, ours in scores.items():
        for other, theirs in scores.items():
            if other == name:
                continue
            pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if a is not None and b is not None]
            if not pairs:
                continue
            differences = np.array([a - b for a, b in pairs])[:, None]
            time = int(
                stopping_times(differences, alpha=alpha / (len(scores) - 1), margin=margin, bound=bound)[0]
            )
            if time and (name not in lost or time < lost[name][0]):
                lost[name] = (time, other)
    return {name: other for name, (_, other) in lost.items()}
