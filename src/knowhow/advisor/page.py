"""Advice as one self-contained HTML page: no script, nothing loaded from elsewhere, fit for print, dark screens and narrow ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from knowhow.advisor.advice import Advice
from knowhow.advisor.costs import HORIZON_MONTHS, CostReport
from knowhow.advisor.dimensions import FAMILIES
from knowhow.advisor.evidence import load_evidence
from knowhow.advisor.labels import LABELS, STRATEGY_NAMES, UNITS
from knowhow.advisor.measurement import (
    describe_expected,
    describe_judgement,
    describe_measured,
    describe_source,
    describe_step,
)
from knowhow.advisor.outcomes import DESCRIPTIONS, FAMILY, FAMILY_NAMES
from knowhow.advisor.summary import STARTING_POINT, describe_confidence, describe_gain
from knowhow.advisor.terminal import describe_basis, describe_crossings, describe_value_flip
from knowhow.advisor.text import Money, Number
from knowhow.advisor.translation import Translator

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 190, 12, 28


@dataclass(frozen=True, slots=True)
class Line:
    """One strategy's cumulated cost as SVG points, with where its label stands."""

    strategy: str
    points: str
    label_x: float
    label_y: float
    end_x: float
    end_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The cost curve ready to draw: lines, and ticks as (position, text)."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    lines: tuple[Line, ...]
    months: tuple[tuple[float, str], ...]
    amounts: tuple[tuple[float, str], ...]


def render_page(advice: Advice, language: str = "en", *, day: str = "") -> str:
    """Return the page as HTML in `language`; everything that came from the user is escaped."""
    from jinja2 import Environment, StrictUndefined

    translator = Translator(language)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["show"] = translator.show
    source = files("knowhow.advisor").joinpath("templates", "advice.html").read_text(encoding="utf-8")
    report = advice.costs
    return environment.from_string(source).render(
        advice=advice,
        language=translator.language,
        day=day,
        colon=translator.locale.colon,
        labels=LABELS,
        strategies=STRATEGY_NAMES,
        families=[(family, FAMILY_NAMES[family]) for family in FAMILIES],
        recommended=FAMILY[advice.outcome],
        outcomes={outcome: item.title for outcome, item in DESCRIPTIONS.items()},
        signal_words={True: LABELS["present"], False: LABELS["absent"], None: LABELS["unknown"]},
        trigger_words={
            True: LABELS["trigger_fired"],
            False: LABELS["trigger_waiting"],
            None: LABELS["unknown"],
        },
        rating_words={2: LABELS["good"], 1: LABELS["fair"], 0: LABELS["poor"]},
        gains=[describe_gain(gain) for gain in advice.gains],
        confidence=describe_confidence(advice),
        judgement=describe_judgement(advice.strategy, advice.measurement) if advice.measurement else None,
        source=describe_source(advice.measurement) if advice.measurement else None,
        steps=[
            (describe_step(row), describe_expected(row), describe_measured(row), LABELS[row.reading])
            for row in advice.steps
        ],
        basis=describe_basis(report),
        crossings=describe_crossings(advice, translator),
        value_flip=describe_value_flip(advice),
        money=lambda value: translator.money(Money(value, report.assumptions.currency)),
        plain=lambda value: f"{value:,g}",
        unit=lambda name: UNITS[name].fill(currency=report.assumptions.currency),
        studies=load_evidence().studies,
        chart=draw_chart(report, translator),
        curve_title=LABELS["curve"].fill(months=Number(HORIZON_MONTHS)),
        caution=STARTING_POINT,
    )


def draw_chart(report: CostReport, translator: Translator) -> Chart:
    """Return the cumulated likely costs as SVG coordinates; labels at the right end never overlap."""
    top = max(max(points) for points in report.curve.values()) or 1.0
    step = _round_step(top / 4)
    top = step * max(1, -(-top // step))
    plot_width, plot_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(month: float) -> float:
        return round(_LEFT + plot_width * month / HORIZON_MONTHS, 1)

    def y(amount: float) -> float:
        return round(_TOP + plot_height * (1 - amount / top), 1)

    labels = _spread({name: y(points[-1]) for name, points in report.curve.items()})
    lines = tuple(
        Line(
            name,
            " ".join(f"{x(month)},{y(amount)}" for month, amount in enumerate(points)),
            _WIDTH - _RIGHT + 8,
            labels[name],
            x(HORIZON_MONTHS),
            y(points[-1]),
        )
        for name, points in report.curve.items()
    )
    count = round(top / step)
    return Chart(
        _WIDTH,
        _HEIGHT,
        _LEFT,
        _WIDTH - _RIGHT,
        _HEIGHT - _BOTTOM,
        lines,
        tuple((x(month), translator.number(month)) for month in range(0, HORIZON_MONTHS + 1, 6)),
        tuple(
            (y(step * tick), translator.money(Money(step * tick, report.assumptions.currency)))
            for tick in range(count + 1)
        ),
    )


def _round_step(raw: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least `raw`."""
    power = 1.0
    while power * 10 <= raw:
        power *= 10
    while power > raw:
        power /= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw)


def _spread(positions: Mapping[str, float], gap: float = 15.0) -> dict[str, float]:
    """Move label heights apart to at least `gap`, keeping their order and staying inside the chart."""
    placed: dict[str, float] = {}
    last = _TOP - gap + 4
    for name, position in sorted(positions.items(), key=lambda item: item[1]):
        last = max(position, last + gap)
        placed[name] = last
    overflow = last - (_HEIGHT - _BOTTOM)
    if overflow > 0:
        limit = float(_HEIGHT - _BOTTOM)
        for name in sorted(placed, key=lambda item: -placed[item]):
            placed[name] = min(placed[name], limit)
            limit = placed[name] - gap
    return placed
