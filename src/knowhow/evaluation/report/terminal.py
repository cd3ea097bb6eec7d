"""The report in a terminal: the table, the verdict, why, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from knowhow.evaluation.naming import metric_name
from knowhow.evaluation.report.admission import gate_lines
from knowhow.evaluation.report.routes import routing_lines
from knowhow.evaluation.report.wording import (
    cost_text,
    headline_metrics,
    interval_text,
    milliseconds,
    points_text,
    prior_text,
    slowest_text,
    status_text,
    summary_text,
)
from knowhow.evaluation.results import Report, StrategyResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 120
"""Columns of a terminal from which every kind of metric has its own."""


def print_report(report: Report, console: Console) -> None:
    """Print the comparison; texts from data are printed as they are, never as markup."""
    advice = report.recommendation
    console.print(_table(report, console.width), soft_wrap=False)
    console.print()
    console.print(advice.headline, style="bold green" if advice.is_decided else "bold yellow", markup=False)
    for title, sentences in (
        ("Why", advice.reasons),
        ("Trade-offs", advice.trade_offs),
        ("It would flip when", advice.flips_when),
        (
            "Where the score is lost",
            tuple(gap.sentence for gap in report.diagnosis.gaps) + report.diagnosis.notes,
        ),
        ("Expected and measured", _prior(report)),
        ("Gates of what was trained", gate_lines(report)),
        ("Routing", routing_lines(report)),
        ("Next", advice.next_steps),
        ("Mind", report.limits),
    ):
        if sentences:
            console.print(f"\n{title}", style="bold")
            for sentence in sentences:
                console.print(f"  - {sentence}", markup=False)


def _prior(report: Report) -> tuple[str, ...]:
    prior = report.prior
    if prior is None:
        return ()
    steps = [
        f"{step.step}: expected {points_text(step.expected)} points ({step.studies} studies), measured {step.measured_text} – {step.reading}."
        if step.measured is not None
        else f"{step.step}: expected {points_text(step.expected)} points ({step.studies} studies), not measured."
        for step in prior.steps
    ]
    return (prior_text(prior), prior.verdict, *steps, *([prior.no_steps] if prior.no_steps else []))


def _table(report: Report, width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    is_wide = width >= _WIDE
    metrics = headline_metrics(report) if is_wide else [report.decisive]
    table = Table(
        title=f"{report.questions} held-out questions, {metric_name(report.decisive)} decides; cost in {report.cost_unit} per 1,000",
        title_justify="left",
        box=None,
        pad_edge=False,
        title_style="bold",
    )
    level = f"{1 - report.record.alpha:.0%}"
    table.add_column("strategy", no_wrap=True)
    for heading in [f"{metric_name(report.decisive)} \\[{level}]", *map(metric_name, metrics[1:])]:
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("p50", "p99", "cost") if is_wide else ("p50", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=not is_wide)
    for item in report.strategies:
        is_chosen = item.name == report.recommendation.strategy
        style = "bold" if is_chosen else "dim" if item.traits.is_diagnostic else ""
        cells = [item.name, *_figures(report, item, metrics, is_wide), status_text(report, item)]
        table.add_row(*[Text(cell) for cell in cells], style=style)
    return table


def _figures(report: Report, item: StrategyResult, metrics: Sequence[str], is_wide: bool) -> list[str]:
    quality, times = item.metrics.get(report.decisive), item.latency
    cells = [f"{summary_text(quality)} {interval_text(quality.interval) if quality else ''}".strip()]
    cells += [summary_text(item.metrics.get(name)) for name in metrics[1:]]
    cells.append(milliseconds(times.p50) if times else "–")
    if is_wide:
        cells.append(slowest_text(times) if times else "–")
    return [*cells, cost_text(item.cost_per_1000) if item.is_measured else "–"]
