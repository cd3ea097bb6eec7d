"""Several comparisons at once: Holm's step-down procedure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from knowhow.types import Comparison


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the family (Holm 1979), in the order given, never above 1."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with `p_adjusted` set by Holm over all of them: give one family at a time."""
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return [
        replace(comparison, p_adjusted=value) for comparison, value in zip(comparisons, adjusted, strict=True)
    ]


def is_difference_shown(comparison: Comparison, alpha: float = 0.05) -> bool:
    """Say whether the adjusted p-value is at most `alpha` and the interval leaves zero out; both must agree."""
    return comparison.p_adjusted <= alpha and not (
        comparison.difference.low <= 0 <= comparison.difference.high
    )
