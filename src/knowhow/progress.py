"""Progress of long steps on stderr: count, rate and time left; silent when asked, plain lines when no terminal listens."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

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
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._stream, self._started = stream, time.monotonic()
        self._said = 0.0
        self._is_terminal = bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count `count` more finished items; `note` stands behind the figures."""
        self.done += count
        now = time.monotonic()
        pause = 0.2 if self._is_terminal else 10.0
        if self._stream is not None and (now - self._said >= pause or self.done == self.total):
            self._said = now
            self._say(note)

    def finish(self) -> None:
        """End the line."""
        if self._stream is not None and self._is_terminal and self._said:
            self._stream.write("\n")
            self._stream.flush()

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
