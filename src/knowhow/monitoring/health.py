"""The health of a served workspace: figures of live answers by release and day, drift, freshness, and what follows from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from knowhow.monitoring.alerts import Alert
from knowhow.monitoring.drift import Drift, find_drift
from knowhow.monitoring.records import LiveAnswer
from knowhow.operation import MonitoringSettings


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of some answers; `scored` of them were sampled for grounding and relevance. None where a figure applies to no answer."""

    answers: int = 0
    scored: int = 0
    error_rate: float | None = None
    abstention_rate: float | None = None
    format_rate: float | None = None
    grounding: float | None = None
    relevance: float | None = None
    score: float | None = None
    p50_seconds: float | None = None
    p99_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """The figures of one release or of one day (UTC)."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the index is behind: documents in it, the moment of the newest ingest, its age, and files changed or new since."""

    documents: int = 0
    newest: str = ""
    age_days: float | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What is known of live answers since a moment.

    `from_examples` compares the latest questions with the examples that strategies were compared on, `from_earlier` with earlier live
    questions, `scores` the relevance of the best passages with earlier ones. `challenge` tells how the running challenge stands.
    """

    since: float
    overall: Figures
    releases: tuple[Named, ...] = ()
    days: tuple[Named, ...] = ()
    from_examples: Drift | None = None
    from_earlier: Drift | None = None
    scores: Drift | None = None
    freshness: Freshness = Freshness()
    challenge: str = ""
    suggestion: str = ""
    warnings: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()


def describe_health(
    rows: Iterable[LiveAnswer],
    examples: Sequence[Sequence[float]],
    settings: MonitoringSettings,
    freshness: Freshness,
    *,
    since: float = 0.0,
) -> HealthReport:
    """Return the report of the rows (oldest first); `examples` are the sketches of the examples' questions."""
    found = list(rows)
    by_release: dict[str, list[LiveAnswer]] = {}
    by_day: dict[str, list[LiveAnswer]] = {}
    for row in found:
        by_release.setdefault(row.release, []).append(row)
        by_day.setdefault(time.strftime("%Y-%m-%d", time.gmtime(row.time)), []).append(row)
    sketches = [row.sketch for row in found if row.sketch]
    scores = [row.score for row in found if row.score is not None]
    window, alpha = settings.window, settings.drift_alpha
    report = HealthReport(
        since=since,
        overall=summarise(found),
        releases=tuple(Named(name, summarise(rows)) for name, rows in by_release.items()),
        days=tuple(Named(day, summarise(rows)) for day, rows in sorted(by_day.items())),
        from_examples=find_drift(examples[-window:], sketches[-window:], alpha=alpha),
        from_earlier=find_drift(*_split(sketches, window), alpha=alpha),
        scores=find_drift(*_split(scores, window), alpha=alpha),
        freshness=freshness,
    )
    return _with_warnings(report, settings)


def summarise(rows: Sequence[LiveAnswer]) -> Figures:
    """Return the figures of some answers."""
    if not rows:
        return Figures()
    good = [row for row in rows if not row.is_error]
    seconds = np.array([row.seconds for row in rows])
    return Figures(
        answers=len(rows),
        scored=sum(row.grounding is not None or row.relevance is not None for row in rows),
        error_rate=_mean([float(row.is_error) for row in rows]),
        abstention_rate=_mean([float(row.is_abstention) for row in good]),
        format_rate=_mean([row.format for row in rows]),
        grounding=_mean([row.grounding for row in good]),
        relevance=_mean([row.relevance for row in good]),
        score=_mean([row.score for row in good]),
        p50_seconds=float(np.quantile(seconds, 0.5, method="inverted_cdf")),
        p99_seconds=float(np.quantile(seconds, 0.99, method="inverted_cdf")),
    )


def _with_warnings(report: HealthReport, settings: MonitoringSettings) -> HealthReport:
    warnings = []
    if report.from_examples is not None and report.from_examples.is_drifting:
        warnings.append(
            "The questions of the last days are not those of the examples: what the comparison found may not hold for them. "
            "Turn some of them into examples (knowhow review) and compare again."
        )
    if report.from_earlier is not None and report.from_earlier.is_drifting:
        warnings.append("The latest questions differ from those before them.")
    if report.scores is not None and report.scores.is_drifting:
        warnings.append(
            "The relevance of what retrieval finds has changed: documents may be missing for what is asked now, or were replaced."
        )
    age = report.freshness.age_days
    if settings.stale_days is not None and age is not None and age > settings.stale_days:
        warnings.append(f"Documents were last ingested {age:.1f} days ago. Run: knowhow ingest")
    if report.freshness.waiting:
        warnings.append(
            f"{report.freshness.waiting} files are new or changed since they were last ingested. Run: knowhow ingest"
        )
    return replace(report, warnings=tuple(warnings))


def _split(values: Sequence[Any], window: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return what came before the last window (at most as much again) and the window; halves where there is less than two."""
    size = min(window, len(values) // 2)
    return values[-2 * size : len(values) - size], values[len(values) - size :]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
