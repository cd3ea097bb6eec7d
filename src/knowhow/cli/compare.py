"""knowhow compare: which strategy answers these questions best, and how sure that is."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def compare(
    workspace: WorkspaceOption = HERE,
    strategies: Annotated[
        str, typer.Option("--strategies", "-s", help="Comma-separated; default: all that fit.")
    ] = "",
    metric: Annotated[str, typer.Option("--metric", help="The quality metric that decides.")] = "",
    budget: Annotated[str, typer.Option("--budget", help="Time to spend, such as 90s, 10m or 2h.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most this many held-out questions.")] = 0,
    fail_under: Annotated[
        list[str] | None,
        typer.Option("--fail-under", help="METRIC=VALUE: exit 3 when the best choice stays under it."),
    ] = None,
    require_significant: Annotated[
        bool, typer.Option("--require-significant", help="Exit 4 when the data cannot decide.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure strategies on your held-out questions and recommend one, or say that the data cannot tell.

    Example: knowhow compare --budget 10m
    """
    from knowhow.cli.output import console, print_json, print_note
    from knowhow.evaluation.gates import check_gates, parse_floors
    from knowhow.evaluation.report import print_report, report_to_json
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace
    from knowhow.workspace.comparison import ComparisonOptions

    set_quiet(quiet)
    floors = parse_floors(fail_under or [])
    options = ComparisonOptions(
        strategies=tuple(name.strip() for name in strategies.split(",") if name.strip()),
        metric=metric,
        budget_seconds=parse_duration(budget) if budget else None,
        limit=limit,
        metrics=tuple(floors),
    )
    with Workspace(workspace) as opened:
        report, page = opened.compare(options)
    if as_json:
        print_json(report_to_json(report))
    else:
        print_report(report, console())
        print_note(f"\nReport: {page}")
    check_gates(report, floors=floors, must_decide=require_significant)


def parse_duration(text: str) -> float:
    """Return seconds from such as 90s, 10m or 1.5h (a bare number is minutes); ConfigError otherwise."""
    from knowhow.errors import ConfigError

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"--budget takes a time such as 90s, 10m or 2h, not {text!r}.")
    return float(match[1]) * _UNITS[match[2] or "m"]
