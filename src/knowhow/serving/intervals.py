"""Intervals drawn beside figures: one line per strategy on a common scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from knowhow.evaluation.results import Report

WIDTH = 200
_MARGIN = 6


@dataclass(frozen=True, slots=True)
class Plot:
    """Places on a scale of `WIDTH` units: the mean and both ends of its interval."""

    low: float
    value: float
    high: float


def draw_intervals(report: Report) -> dict[str, Plot]:
    """Return where each measured strategy's mean and interval lie; the scale begins at 0 and ends at 1 or the highest bound."""
    bounds = {}
    for item in report.strategies:
        interval = report.quality(item.name)
        if interval is not None and item.is_measured:
            low = interval.low if math.isfinite(interval.low) else interval.value
            high = interval.high if math.isfinite(interval.high) else interval.value
            bounds[item.name] = (low, interval.value, high)
    top = max((high for _, _, high in bounds.values()), default=1.0)
    top = 1.0 if top <= 1.0 else top

    def place(value: float) -> float:
        return round(_MARGIN + (WIDTH - 2 * _MARGIN) * max(0.0, value) / top, 1)

    return {name: Plot(place(low), place(value), place(high)) for name, (low, value, high) in bounds.items()}
