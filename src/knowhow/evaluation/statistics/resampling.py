"""Bootstrap of a mean over clusters, for many samples at once: resampling is one matrix of counts, applied by matrix products.

A sample without clusters has clusters of one. With clusters the mean is a ratio (sum of values over number of values), its
standard error the usual linearisation; see Davison and Hinkley, Bootstrap Methods and their Application, 1997, chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_CACHED_CELLS = 2_000_000


@dataclass(frozen=True)
class Grouped:
    """Sums of the values per cluster, shape (clusters, samples), and how many values each cluster holds."""

    sums: Array
    counts: Array

    @property
    def means(self) -> Array:
        """The mean of each sample."""
        means: Array = self.sums.sum(axis=0) / self.counts.sum()
        return means

    @property
    def errors(self) -> Array:
        """The standard error of each mean, clusters being independent; 0 for a single cluster."""
        clusters = len(self.counts)
        if clusters < 2:
            return np.zeros(self.sums.shape[1])
        residuals = self.sums - self.means * self.counts[:, None]
        variances = (residuals**2).sum(axis=0) * clusters / (clusters - 1) / self.counts.sum() ** 2
        errors: Array = np.sqrt(variances)
        return errors


def group(values: Array, clusters: Sequence[Hashable] | None = None) -> Grouped:
    """Sum `values` of shape (questions, samples) per cluster label, in order of first appearance."""
    if clusters is None:
        return Grouped(values, np.ones(len(values)))
    places: dict[Hashable, int] = {}
    rows = np.array([places.setdefault(label, len(places)) for label in clusters], dtype=np.intp)
    sums = np.zeros((len(places), values.shape[1]))
    np.add.at(sums, rows, values)
    return Grouped(sums, np.bincount(rows, minlength=len(places)).astype(float))


def resample(grouped: Grouped, resamples: int, seed: int) -> Array:
    """Return the means of `resamples` bootstrap samples of clusters, shape (resamples, samples)."""
    clusters = len(grouped.counts)
    means = []
    for block, size in enumerate(_block_sizes(clusters, resamples)):
        weights = _weights(clusters, size, seed + 7919 * block)
        means.append(weights @ grouped.sums / (weights @ grouped.counts)[:, None])
    return np.concatenate(means)


def flip_signs(grouped: Grouped, resamples: int, seed: int) -> Array:
    """Return the sums under random signs of whole clusters, shape (resamples, samples)."""
    clusters = len(grouped.counts)
    sums = []
    for block, size in enumerate(_block_sizes(clusters, resamples)):
        sums.append(_signs(clusters, size, seed + 7919 * block) @ grouped.sums)
    return np.concatenate(sums)


def all_signs(clusters: int) -> Array:
    """Return every combination of signs, shape (2 ** clusters, clusters)."""
    bits = np.arange(2**clusters)[:, None] >> np.arange(clusters)[None, :] & 1
    return np.where(bits == 1, 1.0, -1.0)


def _block_sizes(clusters: int, resamples: int) -> list[int]:
    size = max(1, min(resamples, _CACHED_CELLS // max(1, clusters)))
    return [size] * (resamples // size) + ([resamples % size] if resamples % size else [])


@lru_cache(maxsize=4)
def _weights(clusters: int, resamples: int, seed: int) -> Array:
    drawn = np.random.default_rng(seed).integers(0, clusters, size=(resamples, clusters))
    flat = drawn + clusters * np.arange(resamples)[:, None]
    counts = np.bincount(flat.ravel(), minlength=clusters * resamples)
    return counts.reshape(resamples, clusters).astype(float)


@lru_cache(maxsize=4)
def _signs(clusters: int, resamples: int, seed: int) -> Array:
    signs: Array = np.random.default_rng(seed).choice((-1.0, 1.0), size=(resamples, clusters))
    return signs
