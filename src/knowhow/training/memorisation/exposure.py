"""Exposure and membership: what losses say about which texts a model was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.types import Interval

CHANCE_BITS = math.log2(math.e)
"""Mean exposure of a secret that was never seen: 1.44 bits, for its rank is uniform."""


def exposure_bits(loss: float, references: Sequence[float]) -> float:
    """Return log2 of the number of candidates minus log2 of the secret's rank by loss; ties rank last.

    Formula: Carlini et al. 2019, "The Secret Sharer", definition 6. The most that can be seen is log2(len(references) + 1).
    """
    rank = 1 + sum(other <= loss for other in references)
    return math.log2(len(references) + 1) - math.log2(rank)


@dataclass(frozen=True, slots=True)
class Membership:
    """How well a loss tells trained rows from others: the area under the ROC curve, 0.5 is chance."""

    auc: Interval
    members: int
    others: int


def infer_membership(members: Sequence[float], others: Sequence[float], level: float = 0.95) -> Membership:
    """Return the AUC of scores that should be higher for members, with DeLong's interval; ValueError when a side is empty."""
    import numpy as np
    from scipy.stats import norm

    if not members or not others:
        raise ValueError("Membership needs scores of both sides.")
    ours, theirs = np.asarray(members, float)[:, None], np.asarray(others, float)[None, :]
    wins = (ours > theirs) + 0.5 * (ours == theirs)
    value = float(wins.mean())
    spread = 0.0
    for structural in (wins.mean(axis=1), wins.mean(axis=0)):
        if len(structural) > 1:
            spread += float(structural.var(ddof=1)) / len(structural)
    half = float(norm.ppf(0.5 + level / 2)) * math.sqrt(spread)
    interval = Interval(value, max(0.0, value - half), min(1.0, value + half), level)
    return Membership(interval, len(members), len(others))


def repeated_characters(continuation: str, expected: str) -> int:
    """Return how many characters of `expected` stand at the beginning of `continuation`, white space taken as one blank."""
    ours, theirs = " ".join(continuation.split()), " ".join(expected.split())
    return next(
        (place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
