"""Watching a comparison while it runs: giving up strategies that cannot win any more, whenever one looks (see knowhow.betting)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowhow import betting

if TYPE_CHECKING:
    from knowhow.betting import Array

FOCUS = 0.7
"""Share of the capital on stakes that suit differences worth stopping for; the rest stays spread from timid to bold."""


def log_capital(differences: Array, *, margin: float = 0.0, bound: float = 1.0) -> Array:
    """Return the log of the capital after each question; see knowhow.betting."""
    return betting.log_capital(differences, margin=margin, bound=bound, focus=FOCUS)


def stopping_times(
    differences: Array, *, alpha: float = 0.05, margin: float = 0.0, bound: float = 1.0
) -> Array:
    """Return after how many questions each column of `differences` is shown to have a mean below `margin`; 0 for never."""
    return betting.stopping_times(differences, alpha=alpha, margin=margin, bound=bound, focus=FOCUS)


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
