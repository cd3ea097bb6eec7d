"""The report in a terminal: the table, the verdict, why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowhow.evaluation.naming import metric_name
from knowhow.evaluation.report.wording import (
    cost_text,
    headline_metrics,
    interval_text,
    milliseconds,
    slowest_text,
    status_text,
    summary_text,
)
from knowhow.evaluation.results import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_report(report: Report, console: Console) -> None:
    """Print the comparison; texts from data are printed as they are, never as markup."""
    advice = report.recommendation
    console.print(_table(report), soft_wrap=False)
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
        ("Next", advice.next_steps),
        ("Mind", report.limits),
    ):
        if sentences:
            console.print(f"\n{title}", style="bold")
            for sentence in sentences:
                console.print(f"  - {sentence}", markup=False)


def _table(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    metrics = headline_metrics(report)
    table = Table(
        title=f"{report.questions} held-out questions, {metric_name(report.decisive)} decides",
        title_justify="left",
        box=None,
        pad_edge=False,
        title_style="bold",
    )
    table.add_column("strategy", no_wrap=True)
    for place, name in enumerate(metrics):
        table.add_column(
            metric_name(name)
            + (f" [{1 - report.record.alpha:.0%}]".replace("[", "\\[") if place == 0 else ""),
            justify="right",
        )
    table.add_column("p50", justify="right")
    table.add_column("p99", justify="right")
    table.add_column(f"{report.cost_unit} / 1,000", justify="right")
    table.add_column("")
    for item in report.strategies:
        quality = item.metrics.get(report.decisive)
        cells = [f"{summary_text(quality)} {interval_text(quality.interval) if quality else ''}".strip()]
        cells += [summary_text(item.metrics.get(name)) for name in metrics[1:]]
        times = item.latency
        cells += [milliseconds(times.p50), slowest_text(times)] if times else ["–", "–"]
        cells += [cost_text(item.cost_per_1000) if item.is_measured else "–", status_text(report, item)]
        style = (
            "bold"
            if item.name == report.recommendation.strategy
            else "dim"
            if item.traits.is_diagnostic
            else ""
        )
        table.add_row(Text(item.name), *[Text(cell) for cell in cells], style=style)
    return table
