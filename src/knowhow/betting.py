"""Testing by betting: evidence that may be looked at after every observation without losing its error rate.

Whoever stakes shares of a capital of 1 against a true statement about a mean cannot reach 1 / alpha with a probability above alpha,
whenever one stops (Ville 1939; Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS-B 2024). The
capital is spread evenly over a grid of fixed stakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_STAKES = 24
_BOLD_STAKES = 8


def stakes() -> Array:
    """Return the grid of stakes as shares of the largest that cannot go bankrupt, from timid to bold."""
    return np.geomspace(0.02, 0.95, _STAKES)


def log_capital(differences: Array, *, margin: float = 0.0, bound: float = 1.0, focus: float = 0.0) -> Array:
    """Return the log of the capital after each question, shape of `differences` (questions first).

    Differences lie in [-bound, bound] (ValueError otherwise); capital grows while they stay below `margin`. The share `focus` of it is
    spread evenly over stakes from .1 to .8, which find differences of a tenth and more sooner; the error rate is the same for any share.
    """
    if np.abs(differences).max(initial=0.0) > bound + 1e-9:
        raise ValueError(f"A difference of {np.abs(differences).max()} lies outside [-{bound}, {bound}].")
    gains = (margin - np.asarray(differences, dtype=float)) / (bound - margin)
    grid, shares = _spread(focus)
    shape = (-1, *([1] * gains.ndim))
    growth = np.cumsum(np.log1p(grid.reshape(shape) * gains[None]), axis=1)
    highest = growth.max(axis=0)
    capital: Array = highest + np.log((shares.reshape(shape) * np.exp(growth - highest)).sum(axis=0))
    return capital


def _spread(focus: float) -> tuple[Array, Array]:
    """Return stakes and the share of the capital on each."""
    wide = stakes()
    if focus == 0.0:
        return wide, np.full(_STAKES, 1 / _STAKES)
    bold = np.linspace(0.1, 0.8, _BOLD_STAKES)
    shares = [np.full(_STAKES, (1 - focus) / _STAKES), np.full(_BOLD_STAKES, focus / _BOLD_STAKES)]
    return np.concatenate([wide, bold]), np.concatenate(shares)


def stopping_times(
    differences: Array, *, alpha: float = 0.05, margin: float = 0.0, bound: float = 1.0, focus: float = 0.0
) -> Array:
    """Return after how many questions each column of `differences` is shown to have a mean below `margin`; 0 for never."""
    crossed = log_capital(differences, margin=margin, bound=bound, focus=focus) >= -np.log(alpha)
    times: Array = np.where(crossed.any(axis=0), crossed.argmax(axis=0) + 1, 0)
    return times
