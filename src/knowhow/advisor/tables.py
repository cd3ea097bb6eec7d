"""The back-test and the evidence as terminal tables (in English: they are for the sceptical reader of studies)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from knowhow.advisor.backtest import AdvisorResult, Backtest
from knowhow.advisor.evidence import Evidence, Neighbour

if TYPE_CHECKING:
    from rich.console import Console


def print_backtest(result: Backtest, console: Console) -> None:
    """Print macro and micro figures of every advisor, our own per study, and the calibration."""
    for title, advisors in (
        ("Studies that measured all four families", result.four_families),
        ("Every row with at least two families", result.all_rows),
    ):
        _print_advisors(title, advisors, console)
    for advisors in (result.four_families, result.all_rows):
        if advisors:
            _print_studies(advisors[0], console)
    _print_calibration(result, console)
    console.print(
        "\n'study left out' switches off every line that stands on the judged study alone; 'next measured' takes the advisor's next choice\n"
        "where the named family was not measured (skip counts such rows); 'fitted' is fitted on the other studies.",
        markup=False,
    )
    console.print(
        f"{result.skipped} rows were left out: excluded by their record, or with a single family.\n"
        "Acceptable: within 1 point of the best arm, or within one standard error of the difference where the metric is a share and the\n"
        "number of questions is known. Macro: every study weighs alike. Regret: points lost to the best family.",
        markup=False,
    )


def print_evidence(nearest: Sequence[Neighbour], evidence: Evidence, console: Console) -> None:
    """Print comparisons with likeness, scores per arm and citation."""
    for item in nearest:
        case, study = item.case, evidence.studies[item.case.study]
        arms = "  ".join(f"{name} {score:g}" for name, score in case.arms.items())
        console.print(f"{item.similarity:.2f}  {study.description}", style="bold", markup=False)
        console.print(f"      {case.task} · {case.metric} · {case.model}", markup=False)
        console.print(f"      {arms}   (acceptable: {', '.join(sorted(case.acceptable))})", markup=False)
        console.print(f"      {study.citation} [tier {case.tier}]", style="dim", markup=False)


def _print_advisors(title: str, advisors: Sequence[AdvisorResult], console: Console) -> None:
    from rich.table import Table

    console.print(f"\n{title}", style="bold", markup=False)
    table = Table(box=None, pad_edge=True)
    for name in (
        "advisor",
        "studies",
        "rows",
        "skip",
        "macro",
        "regret",
        "micro",
        "regret",
    ):
        table.add_column(name, justify="left" if name == "advisor" else "right", no_wrap=name == "advisor")
    for item in advisors:
        table.add_row(
            item.name,
            *(str(value) for value in (len(item.studies), item.rows, item.unscored)),
            f"{100 * item.acceptable:.1f} %",
            f"{item.regret:.2f}",
            f"{100 * item.acceptable_micro:.1f} %",
            f"{item.regret_micro:.2f}",
        )
    console.print(table)


def _print_studies(result: AdvisorResult, console: Console) -> None:
    from rich.table import Table

    console.print(f"\n{result.name}, per study", style="bold", markup=False)
    table = Table(box=None, pad_edge=True)
    for name in ("study", "rows", "acceptable", "regret"):
        table.add_column(name, justify="left" if name == "study" else "right")
    for item in result.studies:
        table.add_row(item.study, str(item.rows), f"{100 * item.acceptable:.0f} %", f"{item.regret:.2f}")
    console.print(table)


def _print_calibration(result: Backtest, console: Console) -> None:
    from rich.table import Table

    calibration = result.calibration
    console.print(
        "\nCalibration of the stated confidence (each study judged by the others)", style="bold", markup=False
    )
    table = Table(box=None, pad_edge=True)
    for name in ("confidence", "rows", "stated", "found acceptable"):
        table.add_column(name, justify="right")
    for item in calibration.bins:
        table.add_row(
            f"{item.low:.2f} to {item.high:.2f}",
            str(item.rows),
            f"{100 * item.stated:.0f} %",
            f"{100 * item.found:.0f} %",
        )
    console.print(table)
    console.print(
        f"  expected calibration error {calibration.expected_error:.3f}, Brier score {calibration.brier:.3f}"
        f" (stating the average for every case: {calibration.brier_constant:.3f})",
        markup=False,
    )
