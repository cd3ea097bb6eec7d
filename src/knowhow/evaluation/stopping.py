"""Giving up arms that cannot win any more, by a bound that holds at every look (see statistics.sequential)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowhow.evaluation.statistics import find_lost
from knowhow.types import Example


def find_given_up(
    scores: Mapping[str, Mapping[str, float]],
    asked: Sequence[Example],
    clusters: Mapping[str, str],
    *,
    is_last_complete: bool,
    alpha: float,
    margin: float = 0.0,
) -> dict[str, str]:
    """Return the arms that are shown to be worse than another by more than `margin`, each with that other.

    `scores` are values in [0, 1], higher is better, by arm and example id; `asked` stands in the order of asking with clusters
    together. Clusters count once each; the last one is left out while more of it may follow.
    """
    grouped: dict[str, list[str]] = {}
    for example in asked:
        grouped.setdefault(clusters[example.id], []).append(example.id)
    groups = list(grouped.values())[: None if is_last_complete else -1]
    means = {arm: [_mean(found, group) for group in groups] for arm, found in scores.items()}
    return find_lost(means, alpha=alpha, margin=-margin) if len(scores) > 1 else {}


def _mean(found: Mapping[str, float], group: Sequence[str]) -> float | None:
    values = [found[example] for example in group if example in found]
    # A cluster that one arm was not asked in full is no fair pair.
    return sum(values) / len(values) if len(values) == len(group) else None
