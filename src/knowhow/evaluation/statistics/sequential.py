"""Watching a comparison while it runs: a test that may be looked at after every question without losing its error rate.

Testing by betting (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024): whoever
stakes shares of a capital of 1 against "the mean difference is at least the margin" cannot reach 1 / alpha with a probability
above alpha while that is true (Ville 1939), whenever one stops. The capital is spread evenly over a grid of fixed stakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from knowhow.evaluation.statistics.resampling import Array

_STAKES = 24


def stakes() -> Array:
    """Return the grid of stakes as shares of the largest that cannot go bankrupt, from timid to bold."""
    return np.geomspace(0.02, 0.95, _STAKES)


def log_capital(differences: Array, *, margin: float = 0.0, bound: float = 1.0) -> Array:
    """Return the log of the capital after each question, shape of `differences` (questions first).

    Differences lie in [-bound, bound]; capital grows while they stay below `margin`.
    """
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


@dataclass
class RaceAgainstLeader:
    """Says while the questions come in whether a strategy can be given up: its mean lies below another's by more than `margin`.

    `alpha` is the probability of ever saying so wrongly; share it among the strategies watched. Feed differences (strategy
    minus leader, higher is better, in [-bound, bound]) in an order that does not depend on the answers, once each; where
    questions share evidence, feed one mean difference per cluster.
    """

    alpha: float = 0.05
    margin: float = 0.0
    bound: float = 1.0
    questions: int = field(default=0, init=False)
    is_lost: bool = field(default=False, init=False)
    _growth: Array = field(default_factory=lambda: np.zeros(_STAKES), init=False, repr=False)

    def update(self, differences: Sequence[float]) -> bool:
        """Take in further differences and return whether the strategy is lost; once lost it stays lost."""
        for difference in differences:
            if abs(difference) > self.bound + 1e-9:
                raise ValueError(f"A difference of {difference} lies outside [-{self.bound}, {self.bound}].")
            gain = (self.margin - difference) / (self.bound - self.margin)
            self._growth = self._growth + np.log1p(stakes() * gain)
            self.questions += 1
            highest = self._growth.max()
            capital = highest + np.log(np.exp(self._growth - highest).mean())
            self.is_lost = self.is_lost or bool(capital >= -np.log(self.alpha))
        return self.is_lost
