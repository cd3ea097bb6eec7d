"""Geometry of the charts in percent of their width and height, so that they scale to any window without scaling their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.evaluation.expectations import Prior
from knowhow.evaluation.naming import signed
from knowhow.evaluation.report.wording import cost_text, interval_text, milliseconds, number
from knowhow.evaluation.results import Report, StrategyResult
from knowhow.types import Interval

_POINT_STEPS = (2, 5, 10, 20, 25, 50)
_LABEL_WIDTH = 30.0
"""Percent of a plane's width that a label may take."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: a name, a span and a point in percent, and the figure beside it."""

    name: str
    colour: int
    low: float
    high: float
    point: float
    text: str
    detail: str = ""
    is_marked: bool = False
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, in percent, with its label."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A strategy in the plane of cost and quality; the label stands to the right or left at `label_y`."""

    name: str
    colour: int
    x: float
    y: float
    low: float
    high: float
    label_y: float
    is_label_left: bool
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Plane:
    """Quality against cost; y grows downwards."""

    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    is_logarithmic: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the diagnosis ladder: what is reached, and the gap from there to there, in percent."""

    label: str
    low: float
    high: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the prior on a common axis of points, in percent: the expected range, and the measured change where there is one."""

    low: float
    high: float
    point: float
    measured: float | None
    measured_low: float | None
    measured_high: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Expected and measured changes; `zero` is where no change lies."""

    rows: tuple[Change, ...]
    zero: float
    ticks: tuple[Tick, ...]


def colours(report: Report) -> dict[str, int]:
    """Return the number of each strategy's colour."""
    return {item.name: place % 8 for place, item in enumerate(report.strategies)}


def quality_bars(report: Report) -> tuple[list[Bar], list[Tick]]:
    """Return the decisive metric of each measured strategy with its interval, best first, and the axis."""
    shown = [item for item in report.strategies if report.decisive in item.metrics]
    top = _nice_top(max((_bound(report, item)[1] for item in shown), default=1.0))
    palette = colours(report)
    bars = []
    for item in sorted(shown, key=lambda item: -item.metrics[report.decisive].interval.value):
        interval = item.metrics[report.decisive].interval
        low, high = _bound(report, item)
        bars.append(
            Bar(
                item.name,
                palette[item.name],
                _percent(low, top),
                _percent(high, top),
                _percent(interval.value, top),
                number(interval.value),
                interval_text(interval),
                item.name == report.recommendation.strategy,
                item.traits.is_diagnostic,
            )
        )
    return bars, [Tick(25.0 * place, f"{top * place / 4:.3g}") for place in range(5)]


def latency_bars(report: Report) -> tuple[list[Bar], list[Tick]]:
    """Return median to 99th percentile (or slowest call) of each timed strategy, fastest first, and the axis."""
    timed = [(item, item.latency) for item in report.strategies if item.latency is not None]
    top = _round_up(max((times.p99 for _, times in timed), default=1.0))
    palette = colours(report)
    bars = [
        Bar(
            item.name,
            palette[item.name],
            _percent(times.p50, top),
            _percent(times.p99, top),
            _percent(times.p50, top),
            milliseconds(times.p50),
            f"{'slowest' if times.is_p99_maximum else 'P99'} {milliseconds(times.p99)}",
            item.name == report.recommendation.strategy,
        )
        for item, times in sorted(timed, key=lambda pair: pair[1].p50)
    ]
    return bars, [Tick(25.0 * place, milliseconds(top * place / 4)) for place in range(5)]


def quality_cost_plane(report: Report) -> Plane | None:
    """Return quality against cost per 1,000 answers; None with fewer than two strategies that cost anything."""
    shown = [
        item
        for item in report.strategies
        if report.decisive in item.metrics and not item.traits.is_diagnostic and item.cost_per_1000 > 0
    ]
    if len(shown) < 2:
        return None
    costs = [item.cost_per_1000 for item in shown]
    is_logarithmic = max(costs) / min(costs) > 12
    left, right = _cost_range(costs, is_logarithmic)
    top = _nice_top(max(_bound(report, item)[1] for item in shown))
    palette = colours(report)
    raw = []
    for item in sorted(shown, key=lambda item: -item.metrics[report.decisive].interval.value):
        low, high = _bound(report, item)
        x = _place(item.cost_per_1000, left, right, is_logarithmic)
        y = 100 - _percent(item.metrics[report.decisive].interval.value, top)
        raw.append((item, x, y, 100 - _percent(low, top), 100 - _percent(high, top)))
    sides = _label_sides([(x, y) for _, x, y, _, _ in raw])
    labels = _spread([(x, y) for _, x, y, _, _ in raw], sides)
    points = tuple(
        Point(
            item.name,
            palette[item.name],
            x,
            y,
            low,
            high,
            label,
            is_left,
            item.name == report.recommendation.strategy,
        )
        for (item, x, y, low, high), label, is_left in zip(raw, labels, sides, strict=True)
    )
    return Plane(
        points,
        tuple(_cost_ticks(left, right, is_logarithmic)),
        tuple(Tick(100 - 25.0 * place, f"{top * place / 4:.3g}") for place in range(5)),
        is_logarithmic,
    )


def ladder_steps(report: Report) -> list[Step]:
    """Return the steps from what the model knows to a perfect score, with the gap after each."""
    found = report.diagnosis
    gaps = {gap.kind: gap for gap in found.gaps}
    steps = []
    if found.score_miss is not None:
        steps.append(_reached("answers from memory", found.score_miss))
    if found.measured is not None:
        steps.append(_reached("answers with retrieval", found.measured))
    if found.score_gold is None:
        return steps
    steps.append(_reached("answers with the right passage", found.score_gold))
    if "knowledge" in gaps and found.score_miss is not None:
        steps.append(_missing("knowledge gap", found.score_miss, found.score_gold, gaps["knowledge"].size))
    if "retrieval" in gaps and found.measured is not None:
        steps.append(_missing("retrieval gap", found.measured, found.score_gold, gaps["retrieval"].size))
    if "reading" in gaps:
        steps.append(_missing("reading gap", found.score_gold, 1.0, gaps["reading"].size))
    return steps


def _reached(label: str, value: float) -> Step:
    return Step(label, 0.0, 100 * min(1.0, max(0.0, value)), "reached", number(value))


def _missing(label: str, start: float, end: float, size: float) -> Step:
    low, high = sorted((100 * start, 100 * end))
    kind = "missing" if size >= 0 else "gained"
    return Step(label, max(0.0, low), min(100.0, high), kind, signed(size))


def _bound(report: Report, item: StrategyResult) -> tuple[float, float]:
    interval = item.metrics[report.decisive].interval
    low = interval.low if math.isfinite(interval.low) else interval.value
    high = interval.high if math.isfinite(interval.high) else interval.value
    return low, high


def _percent(value: float, top: float) -> float:
    return round(100 * min(1.0, max(0.0, value / top)), 2) if top > 0 else 0.0


def _nice_top(value: float) -> float:
    return next((top for top in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if value <= top), _round_up(value))


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(
        step * magnitude for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if value <= step * magnitude
    )


def _cost_range(costs: Sequence[float], is_logarithmic: bool) -> tuple[float, float]:
    if not is_logarithmic:
        return 0.0, _round_up(max(costs))
    return 10.0 ** math.floor(math.log10(min(costs))), 10.0 ** math.ceil(math.log10(max(costs) * 1.0001))


def _place(value: float, left: float, right: float, is_logarithmic: bool) -> float:
    if is_logarithmic:
        return round(100 * math.log(value / left) / math.log(right / left), 2)
    return _percent(value - left, right - left)


def _cost_ticks(left: float, right: float, is_logarithmic: bool) -> list[Tick]:
    if not is_logarithmic:
        return [Tick(25.0 * place, cost_text(right * place / 4)) for place in range(5)]
    first, last = round(math.log10(left)), round(math.log10(right))
    return [
        Tick(round(100 * (power - first) / (last - first), 2), cost_text(10.0**power))
        for power in range(first, last + 1)
    ]


def _label_sides(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Say for each point whether its label stands to the left: where the right side is taken or too narrow."""
    sides = []
    for place, (x, y) in enumerate(points):
        near = [other for rank, (other, height) in enumerate(points) if rank != place and abs(height - y) < 8]
        is_right_free = x <= 66 and not any(0 <= other - x < _LABEL_WIDTH for other in near)
        is_left_free = x >= _LABEL_WIDTH and not any(0 <= x - other < _LABEL_WIDTH for other in near)
        sides.append(not is_right_free and (is_left_free or x > 66))
    return sides


def _spread(points: Sequence[tuple[float, float]], sides: Sequence[bool], gap: float = 7.0) -> list[float]:
    """Return heights of labels, moved down where one would stand on another; `points` come from top to bottom."""
    placed: list[tuple[float, float]] = []
    for rank, ((x, y), is_left) in enumerate(zip(points, sides, strict=True)):
        centre = x - _LABEL_WIDTH / 2 if is_left else x + _LABEL_WIDTH / 2
        is_covered = not is_left and any(
            0 <= other - x < _LABEL_WIDTH and abs(height - y) < gap
            for place, (other, height) in enumerate(points)
            if place != rank
        )
        height = y - gap if is_covered else y
        for other, taken in placed:
            if abs(other - centre) < _LABEL_WIDTH and abs(taken - height) < gap:
                height = taken + gap
        placed.append((centre, height))
    return [round(min(max(height, -3.0), 103.0), 2) for _, height in placed]


def expectation_bars(prior: Prior) -> Changes | None:
    """Return every step's expected and measured change on one axis; None without steps."""
    if not prior.steps:
        return None
    ends = [bound for step in prior.steps for bound in _ends(step.expected)]
    ends += [bound for step in prior.steps if step.measured for bound in _ends(step.measured)]
    span = max(0.0, *ends) - min(0.0, *ends)
    step = next((float(size) for size in _POINT_STEPS if size * 6 >= span), 50.0)
    bottom = step * math.floor(min(0.0, *ends) / step)
    top = step * math.ceil(max(0.0, *ends) / step)

    def place(value: float) -> float:
        return round(100 * (value - bottom) / (top - bottom), 2)

    rows = []
    for item in prior.steps:
        bounds = _ends(item.measured) if item.measured else []
        rows.append(
            Change(
                place(item.expected.low),
                place(item.expected.high),
                place(item.expected.value),
                place(item.measured.value) if item.measured else None,
                place(min(bounds)) if bounds else None,
                place(max(bounds)) if bounds else None,
            )
        )
    count = round((top - bottom) / step)
    ticks = tuple(
        Tick(place(bottom + step * number), f"{bottom + step * number:+g}".replace("+0", "0"))
        for number in range(count + 1)
    )
    return Changes(tuple(rows), place(0.0), ticks)


def _ends(interval: Interval) -> list[float]:
    """The figures of an interval that are known."""
    return [value for value in (interval.value, interval.low, interval.high) if math.isfinite(value)]
