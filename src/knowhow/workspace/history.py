"""What the workspace's own files tell of its life: how much is asked, how live answers hold up, and how fast examples come in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt
from statistics import NormalDist, fmean, stdev
from typing import Any

from knowhow.config import Settings
from knowhow.errors import KnowHowError
from knowhow.releases.events import CHAMPION, PROMOTED, ROLLED_BACK, read_events
from knowhow.releases.feedback import ACCEPTED
from knowhow.storage import read_json, read_lines
from knowhow.workspace.feedback import feedback_log

WINDOW_DAYS = 30.0
LEAST_DAYS = 14.0
"""Below this much history nothing is projected."""
LEAST_SCORED = 30
"""Live answers, or reviews on either side, below which nothing is said about drift."""
_DAY_SECONDS = 86_400.0
_ONE_SIDED = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, slots=True)
class History:
    """Figures from the workspace's own records; None means that the records are missing or too few.

    `queries_per_day` is the mean over `live_days`. `drift_points` is how far live answers are shown to have fallen, at least (one-sided
    95 %): grounding against the comparison that proved the release, or else the share that reviewers judged right against earlier.
    """

    queries_per_day: float | None = None
    live_days: float | None = None
    drift_points: float | None = None
    examples_per_month: float | None = None


def read_history(settings: Settings, decisions: Sequence[Mapping[str, Any]], examples: int | None) -> History:
    """Return what the records show now; `decisions` are the earlier ones with what was seen then, oldest first.

    Records that do not read count as missing: advice must not fail on them.
    """
    now = time.time()
    rows = [row for row in _live_answers(settings) if row["time"] >= now - WINDOW_DAYS * _DAY_SECONDS]
    asked = sorted(row["time"] for row in rows) or _audited(settings, now)
    days = max(1.0, (now - asked[0]) / _DAY_SECONDS) if asked else None
    drift = _grounding_drift(settings, rows)
    return History(
        queries_per_day=None if days is None else len(asked) / days,
        live_days=days,
        drift_points=_review_drift(settings, now) if drift is None else drift,
        examples_per_month=_examples_per_month(settings, decisions, examples, now),
    )


def _live_answers(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """The rows of live answers that serving keeps, one file a day."""
    for path in sorted((settings.state / "monitoring").rglob("answers-*.jsonl")):
        try:
            yield from (row for row in read_lines(path) if isinstance(row.get("time"), (int, float)))
        except (KnowHowError, AttributeError, ValueError):
            continue


def _audited(settings: Settings, now: float) -> list[float]:
    """Moments of questions over HTTP in the audit log, for a workspace whose serving keeps no figures."""
    path = settings.state / "audit" / "log.jsonl"
    try:
        moments = [
            moment
            for row in read_lines(path)
            if row.get("kind") == "asked"
            and row.get("door") == "http"
            and (moment := _seconds(row.get("time")))
        ]
    except (KnowHowError, AttributeError, ValueError):
        return []
    return sorted(moment for moment in moments if moment >= now - WINDOW_DAYS * _DAY_SECONDS)


def _grounding_drift(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Grounding of the champion's live answers against that of the comparison that proved it, in points."""
    champion, since = _champion(settings)
    measured = _measured_grounding(settings, champion)
    live = [
        float(row["grounding"])
        for row in rows
        if row.get("release") == champion and row["time"] >= since and row.get("grounding") is not None
    ]
    if measured is None or len(live) < LEAST_SCORED:
        return None
    bound = fmean(live) + _ONE_SIDED * stdev(live) / sqrt(len(live))
    fall: float = 100 * (measured - bound)
    return max(0.0, fall)


def _champion(settings: Settings) -> tuple[str, float]:
    """The release that answers and the moment it began to; ("", 0) where none does."""
    try:
        events = read_events(settings.state / "releases" / "events.jsonl")
    except KnowHowError:
        return "", 0.0
    moves = [event for event in events if event.kind in (PROMOTED, ROLLED_BACK) and event.alias == CHAMPION]
    return (moves[-1].release, _seconds(moves[-1].time)) if moves else ("", 0.0)


def _measured_grounding(settings: Settings, release: str) -> float | None:
    path = settings.state / "releases" / release / "release.json"
    if not release or not path.is_file():
        return None
    manifest = read_json(path)
    report = settings.state / "runs" / str(manifest["proof"]["run"]) / "report.json"
    if not report.is_file():
        return None
    for item in read_json(report).get("strategies", ()):
        if item["name"] == manifest["strategy"] and "grounding" in item["metrics"]:
            return float(item["metrics"]["grounding"]["interval"]["value"])
    return None


def _review_drift(settings: Settings, now: float) -> float | None:
    """The share that reviewers judged right in the last 30 days against the time before, in points.

    Who complains is no sample of all answers, so the level says nothing; a change of the level does.
    """
    try:
        items = feedback_log(settings).items()
    except KnowHowError:
        return None
    edge = now - WINDOW_DAYS * _DAY_SECONDS
    earlier: list[float] = []
    later: list[float] = []
    for item in items:
        if item.state == ACCEPTED and item.decisive is not None:
            is_right = float(item.decisive.verdict == "right")
            (later if _seconds(item.feedback.time) >= edge else earlier).append(is_right)
    if min(len(earlier), len(later)) < LEAST_SCORED:
        return None
    before, after = fmean(earlier), fmean(later)
    error = sqrt(before * (1 - before) / len(earlier) + after * (1 - after) / len(later))
    fall: float = 100 * (before - after - _ONE_SIDED * error)
    return max(0.0, fall)


def _examples_per_month(
    settings: Settings, decisions: Sequence[Mapping[str, Any]], examples: int | None, now: float
) -> float | None:
    """Growth since the oldest decision that kept a count, else rows made from reviewed feedback, projected to 30 days."""
    for decision in decisions:
        count, moment = decision.get("seen", {}).get("examples"), _seconds(decision.get("moment"))
        if count is None or examples is None or not moment:
            continue
        days = (now - moment) / _DAY_SECONDS
        if days >= LEAST_DAYS:
            return float(examples - count) / days * 30
    try:
        items = feedback_log(settings).items()
    except KnowHowError:
        return None
    if not items:
        return None
    days = (now - _seconds(items[0].feedback.time)) / _DAY_SECONDS
    return sum(bool(item.example) for item in items) / days * 30 if days >= LEAST_DAYS else None


def _seconds(text: Any) -> float:
    """Seconds since 1970 of an ISO moment; 0 for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
