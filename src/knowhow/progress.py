"""Progress of long steps on stderr: count, rate and time left; silent when asked, plain lines when no terminal listens.

Where the environment names a file in KNOWHOW_PROGRESS, every step is also kept there as JSON lines, for whoever watches from another
process; child processes inherit the name and write to the same file.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO

from knowhow.storage import append_lines

WATCHED = "KNOWHOW_PROGRESS"
_WATCH_SECONDS = 0.5

_is_quiet: ContextVar[bool] = ContextVar("knowhow_quiet", default=False)


def set_quiet(quiet: bool) -> None:
    """Silence progress of this context (the command line's --quiet)."""
    _is_quiet.set(quiet)


def is_quiet() -> bool:
    """Say whether progress and notes are silenced."""
    return _is_quiet.get()


class Progress:
    """Counts finished items of one step and now and then says how fast it goes and how long it will take."""

    def __init__(self, label: str, total: int | None, unit: str, stream: TextIO | None) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, 0
        self._stream, self._started = stream, time.monotonic()
        self._said = self._kept = 0.0
        self._watched = os.environ.get(WATCHED, "")
        self._is_terminal = bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")
        if self._watched:
            self._keep("", {})

    def advance(self, count: int = 1, note: str = "", **figures: float) -> None:
        """Count `count` more finished items; `note` stands behind the figures, `figures` are kept for those who watch."""
        self.done += count
        now = time.monotonic()
        if self._watched and (now - self._kept >= _WATCH_SECONDS or self.done == self.total):
            self._kept = now
            self._keep(note, figures)
        pause = 0.2 if self._is_terminal else 10.0
        if self._stream is not None and (now - self._said >= pause or self.done == self.total):
            self._said = now
            self._say(note)

    def finish(self) -> None:
        """End the line."""
        if self._stream is not None and self._is_terminal and self._said:
            self._stream.write("\n")
            self._stream.flush()

    def _keep(self, note: str, figures: dict[str, float]) -> None:
        seconds = round(time.monotonic() - self._started, 2)
        row = {
            "label": self.label,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "seconds": seconds,
        }
        append_lines(Path(self._watched), [{**row, "note": note, "figures": figures}])

    def _say(self, note: str) -> None:
        elapsed = max(time.monotonic() - self._started, 1e-6)
        rate = self.done / elapsed
        count = f"{self.done}/{self.total}" if self.total is not None else f"{self.done}"
        left = (
            f", {_clock((self.total - self.done) / rate)} left" if self.total is not None and rate > 0 else ""
        )
        text = f"{self.label}: {count} {self.unit}, {rate:.1f}/s{left}{'  ' + note if note else ''}"
        assert self._stream is not None
        self._stream.write(f"\r\x1b[2K{text}" if self._is_terminal else f"{text}\n")
        self._stream.flush()


@contextmanager
def progress(label: str, total: int | None = None, unit: str = "items") -> Iterator[Progress]:
    """Report a long step on stderr while the block runs."""
    bar = Progress(label, total, unit, None if _is_quiet.get() else sys.stderr)
    try:
        yield bar
    finally:
        bar.finish()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
