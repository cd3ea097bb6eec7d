"""Times and durations as pages show them."""

from __future__ import annotations

import time


def show_moment(stamp: str) -> str:
    """Return a stamp of a log to the minute, in UTC; a dash where there is none."""
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else "–"


def show_clock(seconds: float) -> str:
    """Return seconds since 1970 to the minute, in UTC; a dash for none."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else "–"


def show_duration(seconds: float) -> str:
    """Return seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
