"""What is done by the clock: each due time once, also after a time in which nothing ran, and never two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knowhow.config import Settings
from knowhow.errors import ConfigError, KnowHowError, PolicyError
from knowhow.storage import locked, read_json, write_json
from knowhow.types import IngestResult
from knowhow.workspace.cron import parse_cron

Ingest = Callable[[], IngestResult]
_LOOK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Done:
    """What was done for a due time (wall clock), when it began, and how it went; `state` is done or failed."""

    due: str
    began: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Agenda:
    """The schedule as it stands: the next due time, empty without a schedule, and the last thing done."""

    following: str
    zone: str
    last: Done | None


def run_due(settings: Settings, ingest: Ingest, moment: datetime | None = None) -> Done | None:
    """Ingest when a due time has passed since the last one that was seen to, and return what came of it; None when nothing is due.

    Many missed times are one. The first look at a new schedule only remembers where it begins. While another process is busy with the
    same, nothing is done: the next look sees what it left.
    """
    if not settings.schedule.ingest:
        return None
    now = moment or _now(settings)
    due = max(parse_cron(text).latest(now.replace(tzinfo=None)) for text in settings.schedule.ingest)
    path = _state_path(settings)
    if not _is_waiting(path, due):
        return None
    try:
        with locked(settings.state / "schedule.lock", purpose="a scheduled ingest"):
            if not path.exists():
                write_json(path, {"seen": due.isoformat(), "last": None})
                return None
            if not _is_waiting(path, due):
                return None
            done = _run(ingest, due, now)
            write_json(path, {"seen": due.isoformat(), "last": asdict(done)})
            return done
    except PolicyError:
        return None


def follow_schedule(
    settings: Settings, ingest: Ingest, has_ended: threading.Event, tell: Callable[[Done], None]
) -> None:
    """Look every few seconds what is due, until `has_ended`."""
    while True:
        done = run_due(settings, ingest)
        if done is not None:
            tell(done)
        if has_ended.wait(_LOOK_SECONDS):
            return


def read_agenda(settings: Settings, moment: datetime | None = None) -> Agenda:
    """Return what is due next and what was done last."""
    now = moment or _now(settings)
    times = [parse_cron(text).following(now.replace(tzinfo=None)) for text in settings.schedule.ingest]
    path = _state_path(settings)
    last: dict[str, Any] | None = read_json(path)["last"] if path.exists() else None
    zone = settings.schedule.timezone or "this machine's time"
    return Agenda(min(times).isoformat() if times else "", zone, Done(**last) if last else None)


def check_schedule(settings: Settings) -> None:
    """Raise ConfigError for cron times or a time zone that cannot be read."""
    _zone(settings)
    for text in settings.schedule.ingest:
        parse_cron(text)


def _run(ingest: Ingest, due: datetime, now: datetime) -> Done:
    try:
        result = ingest()
    except PolicyError:
        # Somebody else is ingesting: this due time waits for the next look.
        raise
    except KnowHowError as error:
        return Done(due.isoformat(), now.isoformat(), "failed", str(error))
    text = f"{result.added} added, {result.changed} changed, {result.deleted} deleted, {len(result.problems)} skipped"
    return Done(due.isoformat(), now.isoformat(), "done", text)


def _is_waiting(path: Path, due: datetime) -> bool:
    # Wall clocks are set back in autumn: a time that was seen to is not due again.
    return not path.exists() or datetime.fromisoformat(read_json(path)["seen"]) < due


def _now(settings: Settings) -> datetime:
    return datetime.now(_zone(settings))


def _zone(settings: Settings) -> tzinfo | None:
    name = settings.schedule.timezone
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"[schedule] timezone {name!r} is not known here. Use a name such as Europe/Berlin or leave it out."
        ) from None


def _state_path(settings: Settings) -> Path:
    return settings.state / "schedule.json"
