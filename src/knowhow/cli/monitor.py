"""knowhow monitor: how live answers are doing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.monitoring.drift import Drift
    from knowhow.monitoring.health import Figures, HealthReport
    from knowhow.workspace.consequences import Suggestion


def monitor(
    workspace: WorkspaceOption = HERE,
    days: Annotated[float, typer.Option("--days", min=0.01, help="How far to look back.")] = 7.0,
    as_json: JsonOption = False,
) -> None:
    """Show figures of live answers, drift of questions, freshness of documents, alerts, and what to do next.

    Example: knowhow monitor --days 1
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        report = opened.health(days)
        suggestion = opened.suggest()
        if as_json:
            print_json({**_as_mapping(report), "next": suggestion})
            return
        _print(report)
        _print_suggestion(suggestion)


def _as_mapping(report: HealthReport) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(report)


def _print(report: HealthReport) -> None:
    print(_line("all answers", report.overall))
    for named in report.releases:
        print(_line(named.name, named.figures))
    for label, drift in (
        ("questions against the examples", report.from_examples),
        ("questions against earlier ones", report.from_earlier),
        ("retrieval scores against earlier ones", report.scores),
    ):
        print(f"drift of {label}: {_say_drift(drift)}")
    fresh = report.freshness
    age = "never ingested" if fresh.age_days is None else f"newest {fresh.age_days:.1f} days old"
    print(f"documents: {fresh.documents}, {age}, {fresh.waiting} files wait to be ingested")
    if report.challenge:
        print(f"challenge: {report.challenge}")
    for warning in report.warnings:
        print(f"! {warning}")
    for alert in report.alerts[-10:]:
        moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(alert.time))
        print(f"{moment} {alert.kind} {alert.subject}: {alert.text}")


def _line(name: str, figures: Figures) -> str:
    if not figures.answers:
        return f"{name}: none yet"
    shares = {
        "failed": figures.error_rate,
        "abstained": figures.abstention_rate,
        "kept the form": figures.format_rate,
        "grounded": figures.grounding,
        "relevant": figures.relevance,
    }
    known = ", ".join(f"{label} {value:.0%}" for label, value in shares.items() if value is not None)
    times = f"P50 {figures.p50_seconds:.2f} s, P99 {figures.p99_seconds:.2f} s"
    return f"{name}: {figures.answers} answers ({figures.scored} scored), {known}, {times}"


def _say_drift(drift: Drift | None) -> str:
    if drift is None:
        return "too few to tell"
    verdict = "yes" if drift.is_drifting else "none shown"
    return f"{verdict} (p = {drift.p_value:.3f}, {drift.now} against {drift.before})"


def _print_suggestion(suggestion: Suggestion | None) -> None:
    if suggestion is None:
        return
    print(f"next: {suggestion.headline}")
    for reason in suggestion.reasons:
        print(f"  {reason}")
