"""Drift: whether two samples of questions (or of scores) come from different distributions.

The measure is the energy distance (Szekely and Rizzo, Energy statistics, 2013): 0 only for equal distributions, of any kind of change. How
large it gets by chance is found by permuting who belongs to which sample, so the error is exact for any distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SKETCH_DIMENSIONS = 16
_PERMUTATIONS = 499
LEAST_SAMPLE = 20
"""Below this many questions on either side nothing is said."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison of two samples: energy distance as a share of the mean distance between them, and how often chance gives as much."""

    before: int
    now: int
    distance: float
    p_value: float
    is_drifting: bool


def sketch(vectors: Array) -> Array:
    """Return unit vectors as points of 16 dimensions by a fixed random projection, rounded to three digits.

    Distances stay as they are but for about a quarter (Johnson and Lindenstrauss 1984), while the vector, and with it the question,
    cannot be had back.
    """
    directions = np.random.default_rng(20_261_121).normal(size=(vectors.shape[1], SKETCH_DIMENSIONS))
    points: Array = np.round(vectors @ directions / np.sqrt(SKETCH_DIMENSIONS), 3)
    return points


def find_drift(before: Sequence[Any], now: Sequence[Any], *, alpha: float, seed: int = 0) -> Drift | None:
    """Return how far `now` has moved from `before` (points or numbers); None where a sample is too small to tell."""
    if min(len(before), len(now)) < LEAST_SAMPLE:
        return None
    points = np.concatenate([_points(before), _points(now)])
    distances = _distances(points)
    labels = np.repeat([0.0, 1.0], [len(before), len(now)])
    permuted = np.array([labels, *_permutations(labels, seed)])
    energies = _energies(distances, permuted)
    p_value = float((energies[1:] >= energies[0] - 1e-12).sum() + 1) / len(energies)
    between = float(distances[np.ix_(labels == 0, labels == 1)].mean())
    share = float(energies[0]) / (2 * between) if between > 0 else 0.0
    return Drift(len(before), len(now), max(share, 0.0), p_value, p_value <= alpha)


def _points(values: Sequence[Any]) -> Array:
    points = np.asarray(values, dtype=float)
    return points[:, None] if points.ndim == 1 else points


def _distances(points: Array) -> Array:
    squares = (points**2).sum(axis=1)
    distances: Array = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0.0))
    return distances


def _permutations(labels: Array, seed: int) -> Array:
    generator = np.random.default_rng(seed)
    return generator.permuted(np.tile(labels, (_PERMUTATIONS, 1)), axis=1)


def _energies(distances: Array, labels: Array) -> Array:
    """Return 2 E|X-Y| - E|X-X'| - E|Y-Y'| for each row of labels."""
    ones = labels @ distances
    inside_now = (ones * labels).sum(axis=1)
    across = (ones * (1 - labels)).sum(axis=1)
    inside_before = distances.sum() - inside_now - 2 * across
    now = labels.sum(axis=1)
    before = labels.shape[1] - now
    energies: Array = 2 * across / (before * now) - inside_before / before**2 - inside_now / now**2
    return energies
