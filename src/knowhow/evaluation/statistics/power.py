"""What a number of questions can show, and how many are needed (normal approximation, two-sided)."""

from __future__ import annotations

import math

from knowhow.types import Comparison


def detectable_difference(
    questions: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> float:
    """Return the smallest true mean difference that `questions` show with probability `power`.

    `deviation` is the standard deviation of the paired differences; alpha is shared among `comparisons` (Bonferroni, the
    first step of Holm). No questions can show nothing: infinity.
    """
    if questions <= 0:
        return math.inf
    return _quantiles(alpha, power, comparisons) * deviation / math.sqrt(questions)


def questions_needed(
    difference: float, deviation: float, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> int | None:
    """Return how many questions show a true `difference` with probability `power`; None for a difference of zero."""
    if difference == 0:
        return None
    return max(2, math.ceil((_quantiles(alpha, power, comparisons) * deviation / abs(difference)) ** 2))


def questions_for(comparison: Comparison, difference: float) -> int | None:
    """Return how many questions in all would show `difference`, the spread being the one that the comparison saw.

    Uses alpha, power and family of the comparison's own detectable difference; None where that or the difference is unknown or 0.
    """
    asked = comparison.wins + comparison.ties + comparison.losses
    if not comparison.detectable or difference == 0:
        return None
    return max(2, math.ceil(asked * (comparison.detectable / abs(difference)) ** 2))


def assumed_deviation(agreement: float = 0.6, spread: float = 0.45) -> float:
    """Return a guess at the deviation of paired differences before any answer exists.

    `spread` is the deviation of one strategy's scores over questions (0.5 at most for shares of one), `agreement` the
    correlation of two strategies' scores over the same questions: sqrt(2 (1 - agreement)) * spread.
    """
    return math.sqrt(2 * (1 - agreement)) * spread


def _quantiles(alpha: float, power: float, comparisons: int) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / (2 * max(1, comparisons))) + ndtri(power))
