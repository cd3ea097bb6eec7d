"""Sections of knowhow.toml for what runs by itself once answers are served: traffic, guard, monitoring, alerts, schedule, stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OutcomeMetric = Literal["rating", "task", "grounding", "format", "relevance"]
AUTOMATIC: frozenset[str] = frozenset({"grounding", "format", "relevance"})
"""Outcomes that need no person: only these can be had of an answer that nobody sees."""


@dataclass(frozen=True, slots=True)
class TrafficSettings:
    """[traffic]: how a challenger is tried.

    `share` of the conversations go to it (0: none); with `shadow` it answers that share unseen instead. `metric` decides, by a test with
    error `alpha` at any time; `margin` is by how much the challenger must be better (below 0: how much worse it may be). It ends
    undecided after `conversations` per side. `promotes` lets a winner become champion without a person. A plan is fixed when its
    challenge begins: later changes count for the next one.
    """

    share: float = 0.0
    shadow: bool = False
    metric: OutcomeMetric = "rating"
    sticky: Literal["conversation", "asker"] = "conversation"
    alpha: float = 0.05
    margin: float = 0.0
    conversations: int = 2000
    promotes: bool = False


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """[guard]: limits on live answers; a challenger that breaks one is withdrawn, a new champion is rolled back.

    A limit that is left out is not watched. A release that stays exactly at a limit raises a false alarm after `false_alarm_every`
    answers on average at the earliest; one that stays well within it practically never does.
    """

    error_rate: float | None = 0.2
    format_rate: float | None = None
    grounding: float | None = None
    p99_seconds: float | None = None
    false_alarm_every: int = 10_000
    rolls_back: bool = True


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """[monitoring]: figures of live answers, kept for `keep_days`.

    At most `per_minute` answers a minute are scored (grounding, relevance, drift). `window` is the number of questions that drift is
    looked for in, with error `drift_alpha`; `stale_days` without an ingest is an alert. `otlp` is the address that traces are sent to.
    """

    per_minute: int = 60
    keep_days: int = 30
    window: int = 300
    drift_alpha: float = 0.01
    stale_days: float | None = None
    otlp: str = ""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """[alerts]: where alerts are sent, as JSON by POST: a plain address, or the environment variable that holds a secret one.

    `secret_env` names the variable with the key that bodies are signed with (HMAC-SHA256).
    """

    webhook: str = ""
    webhook_env: str = ""
    secret_env: str = ""
    attempts: int = 8


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """[schedule]: when documents are ingested, as cron times ("30 3 * * *": every night at half past three).

    `timezone` is a name such as Europe/Berlin, empty for this machine's. What fell into a time when nothing ran is done once at the start.
    """

    ingest: tuple[str, ...] = ()
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """[stream]: documents that come through Kafka as JSON, key = id of the document, no value = delete it.

    `options` are those of the client (librdkafka), `password_env` the variable that holds sasl.password; `folder` stands inside the
    documents folder.
    """

    servers: str = ""
    topic: str = ""
    group: str = "knowhow"
    batch: int = 500
    wait_seconds: float = 5.0
    folder: str = "stream"
    password_env: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)


def find_wrong_values(
    traffic: TrafficSettings,
    guard: GuardSettings,
    monitoring: MonitoringSettings,
    alerts: AlertSettings,
    stream: StreamSettings,
) -> Iterator[str]:
    """Yield what is wrong with the values of these sections, as the rest of a sentence."""
    yield from _outside("[traffic] share", traffic.share, 0.0, 1.0)
    yield from _outside("[traffic] alpha", traffic.alpha, 1e-6, 0.5)
    yield from _outside("[traffic] margin", traffic.margin, -0.5, 0.5)
    for key, limit in (
        ("error_rate", guard.error_rate),
        ("format_rate", guard.format_rate),
        ("grounding", guard.grounding),
    ):
        if limit is not None:
            yield from _outside(f"[guard] {key}", limit, 0.001, 0.999)
    positive = {
        "[traffic] conversations": traffic.conversations,
        "[guard] false_alarm_every": guard.false_alarm_every,
        "[guard] p99_seconds": 1.0 if guard.p99_seconds is None else guard.p99_seconds,
        "[monitoring] keep_days": monitoring.keep_days,
        "[monitoring] window": monitoring.window,
        "[monitoring] stale_days": 1.0 if monitoring.stale_days is None else monitoring.stale_days,
        "[alerts] attempts": alerts.attempts,
        "[stream] batch": stream.batch,
        "[stream] wait_seconds": stream.wait_seconds,
    }
    for key, value in positive.items():
        if value <= 0:
            yield f"{key} must be greater than 0, not {value}."
    yield from _outside("[monitoring] drift_alpha", monitoring.drift_alpha, 1e-4, 0.5)
    if monitoring.per_minute < 0:
        yield f"[monitoring] per_minute must be 0 or more, not {monitoring.per_minute}."
    if traffic.shadow and traffic.metric not in AUTOMATIC:
        yield (
            f"[traffic] metric {traffic.metric!r} cannot be had in shadow mode, where nobody sees the challenger's answers. "
            f"Choose one of: {', '.join(sorted(AUTOMATIC))}."
        )
    if bool(stream.servers) != bool(stream.topic):
        yield "[stream] needs both servers and topic."


def _outside(key: str, value: float, low: float, high: float) -> Iterator[str]:
    if not low <= value <= high:
        yield f"{key} must lie between {low:g} and {high:g}, not {value}."
