"""Advice for the terminal; wide tables only where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING

from knowhow.advisor.advice import Advice
from knowhow.advisor.answers import Goal
from knowhow.advisor.costs import HORIZON_MONTHS, CostReport
from knowhow.advisor.dimensions import FAMILIES
from knowhow.advisor.evidence import load_evidence
from knowhow.advisor.history import FactChange
from knowhow.advisor.labels import LABELS, STRATEGY_NAMES, UNITS
from knowhow.advisor.measurement import (
    Measurement,
    describe_expected,
    describe_judgement,
    describe_measured,
    describe_source,
    describe_step,
)
from knowhow.advisor.outcomes import DESCRIPTIONS, FAMILY, FAMILY_NAMES, RETRIEVES
from knowhow.advisor.summary import STARTING_POINT, describe_confidence, describe_gain
from knowhow.advisor.text import Money, Number, Text, Value
from knowhow.advisor.translation import Translator, round_significant

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {2: "+", 1: "·", 0: "-"}


def print_advice(advice: Advice, console: Console, language: str = "en", *, is_full: bool = False) -> None:
    """Print the advice; `is_full` adds the dimension table, the nearest studies and every assumption."""
    printer = _Printer(console, Translator(language))
    show = printer.show
    description = advice.description
    title = f"{show(LABELS['recommendation'])}{printer.colon}{show(description.title)}"
    console.print(f"\n{title}", style="bold", markup=False)
    console.print(show(description.choose_when), style="dim", markup=False)
    printer.bullets("because", advice.reasons[:1])
    printer.pairs("your_answers", ((item.name, item.value) for item in advice.used))
    if advice.exclusions:
        printer.bullets("excluded", (item.because for item in advice.exclusions))
    words = {True: LABELS["present"], False: LABELS["absent"], None: LABELS["unknown"]}
    printer.pairs("signals", ((item.name, words[item.is_present]) for item in advice.signals))
    printer.bullets("trade_offs", description.trade_offs)
    printer.bullets("notes", advice.notes)
    printer.pairs("routes", ((item.questions, item.treatment) for item in advice.routes))
    printer.bullets("gains", [describe_gain(gain) for gain in advice.gains] or [LABELS["no_gains"]])
    printer.bullets("confidence", [describe_confidence(advice)])
    if advice.measurement is not None:
        _print_measurement(advice, advice.measurement, printer)
    _print_costs(advice, printer)
    printer.heading("plan")
    for number, stage in enumerate(advice.stages, start=1):
        console.print(f"  {number}. {show(stage.title)}{printer.colon}{show(stage.action)}")
        console.print(f"     {show(LABELS['done_when'])}{printer.colon}{show(stage.done_when)}", style="dim")
        if stage.command:
            console.print(f"     $ {stage.command}", style="cyan", markup=False)
    printer.heading("flips")
    for flip in advice.flips:
        outcome = show(DESCRIPTIONS[flip.outcome].title)
        console.print(f"  - {show(flip.name)} = {show(flip.value)} → {outcome}", markup=False)
    print_triggers(advice, console, language)
    if is_full:
        _print_dimensions(advice, printer)
        _print_nearest(advice, printer)
        _print_assumptions(advice.costs, printer)
    console.print(f"\n{show(STARTING_POINT)}\n", markup=False)


def print_triggers(advice: Advice, console: Console, language: str = "en") -> None:
    """Print when to decide again, with what is seen now."""
    printer = _Printer(console, Translator(language))
    show = printer.show
    printer.heading("triggers")
    words = {True: LABELS["trigger_fired"], False: LABELS["trigger_waiting"], None: LABELS["unknown"]}
    for item in advice.triggers:
        state = show(words[item.has_fired])
        now = f" ({show(LABELS['now'])}{printer.colon}{show(item.now)})" if item.has_fired is not None else ""
        console.print(f"  - {show(item.condition)}{printer.colon}{state}{now}", markup=False)


def print_changes(changes: Sequence[FactChange], day: str, console: Console, language: str = "en") -> None:
    """Print what has changed in the workspace since the decision of `day`; nothing where there was none."""
    if not day:
        return
    printer = _Printer(console, Translator(language))
    show = printer.show
    if not changes:
        console.print(f"\n{show(LABELS['nothing_new'].fill(day=day))}", markup=False)
        return
    console.print(f"\n{show(LABELS['seen_since'].fill(day=day))}", style="bold", markup=False)
    for item in changes:
        console.print(
            f"  - {show(item.name)}{printer.colon}{show(item.before)} → {show(item.now)}", markup=False
        )


def describe_crossings(advice: Advice, translator: Translator) -> list[str]:
    """Return where cumulated costs cross and which volume breaks even, for the pairs that are a question in the case."""
    is_form = advice.answers.goal is Goal.BEHAVIOUR and advice.outcome not in RETRIEVES
    pairs = [{"few_shot", "finetuned"}] if is_form else [{"rag", "finetuned"}, {"rag", "finetuned_rag"}]
    sentences: list[Text] = []
    for item in advice.costs.crossings:
        if {item.dearer_start, item.cheaper_start} not in pairs:
            continue
        names = {"dearer": STRATEGY_NAMES[item.dearer_start], "cheaper": STRATEGY_NAMES[item.cheaper_start]}
        if item.month is None:
            sentences.append(LABELS["crossing_never"].fill(months=Number(HORIZON_MONTHS), **names))
        else:
            sentences.append(LABELS["crossing_month"].fill(month=Number(max(1, ceil(item.month))), **names))
        if item.queries_per_month:
            volume = Number(round_significant(item.queries_per_month))
            sentences.append(LABELS["crossing_volume"].fill(volume=volume, **names))
    return [translator.show(item) for item in sentences]


def describe_value_flip(advice: Advice) -> Text | None:
    """Return the sentence about the value of one more right answer; None where the better strategy is not dearer."""
    flip = advice.value_flip
    if flip is None or flip.value is None:
        return None
    return LABELS["value_flip"].fill(
        better=STRATEGY_NAMES[flip.better],
        cheaper=STRATEGY_NAMES[flip.cheaper],
        points=Number(flip.gain_points),
        value=Money(flip.value, advice.costs.assumptions.currency),
    )


def describe_basis(report: CostReport) -> list[Text]:
    """Return what the costs assume about volume and documents."""
    basis = LABELS["cost_basis"].fill(
        volume=Number(report.queries_per_day),
        tokens=Number(report.corpus_tokens),
        billing=LABELS[f"billing_{report.assumptions.billing}"],
    )
    assumed = [
        *([LABELS["volume_assumed"]] if report.is_volume_assumed else []),
        *([LABELS["corpus_assumed"]] if report.is_corpus_assumed else []),
    ]
    return [basis, *assumed, LABELS["ranges"]]


class _Printer:
    """Headings and lists in one language."""

    def __init__(self, console: Console, translator: Translator) -> None:
        self.console = console
        self.translator = translator
        self.show = translator.show
        self.colon = translator.locale.colon

    def heading(self, label: str) -> None:
        self.console.print(f"\n{self.show(LABELS[label])}", style="bold", markup=False)

    def bullets(self, label: str, items: Iterable[Value]) -> None:
        self._list(label, [self.show(item) for item in items])

    def pairs(self, label: str, items: Iterable[tuple[Value, Value]]) -> None:
        self._list(label, [f"{self.show(name)}{self.colon}{self.show(value)}" for name, value in items])

    def _list(self, label: str, lines: list[str]) -> None:
        if lines:
            self.heading(label)
            for line in lines:
                self.console.print(f"  - {line}", markup=False)


def _print_measurement(advice: Advice, measurement: Measurement, printer: _Printer) -> None:
    show = printer.show
    printer.heading("expected_measured")
    printer.console.print(f"  {show(describe_judgement(advice.strategy, measurement))}", markup=False)
    for row in advice.steps:
        printer.console.print(
            f"  - {show(describe_step(row))}{printer.colon}{show(LABELS[row.reading])}", markup=False
        )
        for label, text in (("expected", describe_expected(row)), ("measured", describe_measured(row))):
            printer.console.print(
                f"      {show(LABELS[label])}{printer.colon}{show(text)}", style="dim", markup=False
            )
    printer.console.print(f"  {show(describe_source(measurement))}", style="dim", markup=False)


def _print_costs(advice: Advice, printer: _Printer) -> None:
    from rich.table import Table

    show, report = printer.show, advice.costs
    printer.heading("costs")
    table = Table(
        *(show(LABELS[name]) for name in ("strategy", "per_thousand", "upfront", "monthly")),
        box=None,
        pad_edge=True,
    )
    for item in report.strategies:
        cells = []
        for amount in (item.per_thousand, item.upfront, item.monthly):
            low, likely, high = (
                show(Money(value, report.assumptions.currency))
                for value in (amount.low, amount.likely, amount.high)
            )
            cells.append(f"{likely}\n{low} – {high}")
        table.add_row(show(STRATEGY_NAMES[item.strategy]), *cells)
    printer.console.print(table)
    basis = [show(text) for text in describe_basis(report)]
    for line in [*basis, *describe_crossings(advice, printer.translator)]:
        printer.console.print(f"  {line}", style="dim", markup=False)
    flip = describe_value_flip(advice)
    if flip is not None:
        printer.console.print(f"  {show(flip)}", style="dim", markup=False)


def _print_dimensions(advice: Advice, printer: _Printer) -> None:
    from rich.table import Table

    show = printer.show
    printer.heading("dimensions")
    recommended = FAMILY[advice.outcome]
    heads = [f"{show(FAMILY_NAMES[family])}{' *' if family is recommended else ''}" for family in FAMILIES]
    table = Table(show(LABELS["dimension"]), *heads, box=None, pad_edge=True)
    for row in advice.dimensions:
        name = show(row.name) if row.case is None else f"{show(row.name)}\n({show(row.case)})"
        table.add_row(name, *(f"{_MARKS[cell.rating]} {show(cell.text)}" for cell in row.cells))
    printer.console.print(table, soft_wrap=False)
    marks = (
        f"{_MARKS[2]} {show(LABELS['good'])}",
        f"{_MARKS[1]} {show(LABELS['fair'])}",
        f"{_MARKS[0]} {show(LABELS['poor'])}",
    )
    printer.console.print(f"  {'  '.join(marks)}  * {show(LABELS['recommended'])}", style="dim", markup=False)


def _print_nearest(advice: Advice, printer: _Printer) -> None:
    printer.heading("nearest")
    studies = load_evidence().studies
    for item in advice.nearest:
        study = studies[item.case.study]
        arms = ", ".join(f"{name} {score:g}" for name, score in item.case.arms.items())
        printer.console.print(
            f"  - {study.description} ({item.case.task}, {item.case.model}): {arms}", markup=False
        )
        printer.console.print(f"    {study.citation}", style="dim", markup=False)


def _print_assumptions(report: CostReport, printer: _Printer) -> None:
    from rich.table import Table

    show = printer.show
    printer.heading("assumptions")
    table = Table(
        *(show(LABELS[name]) for name in ("assumption", "low", "likely", "high", "unit", "origin")),
        "key",
        box=None,
        pad_edge=True,
    )
    for item in report.assumptions.items.values():
        unit = UNITS[item.unit].fill(currency=report.assumptions.currency)
        table.add_row(
            show(item.label),
            *(f"{value:,g}" for value in (item.low, item.likely, item.high)),
            show(unit),
            show(LABELS[item.origin]),
            item.key,
        )
    printer.console.print(table, soft_wrap=False)
