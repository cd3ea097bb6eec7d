"""Cron times: five fields (minute, hour, day, month, weekday) with *, lists, ranges, steps and English names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from knowhow.errors import ConfigError

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORTCUTS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_LONGEST_DAYS = 366 * 8
"""A 29th of February comes at least every eight years."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due, in wall-clock minutes; where day and weekday are both restricted, either will do."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_either_day: bool

    def latest(self, moment: datetime) -> datetime:
        """Return the last due minute at or before a wall-clock moment."""
        for back in range(_LONGEST_DAYS):
            day = moment - timedelta(days=back)
            if self._is_day(day):
                for hour in reversed(self.hours):
                    for minute in reversed(self.minutes):
                        due = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
                        if due <= moment:
                            return due
        raise ConfigError(f"[schedule] {self.text!r} names a day that never comes.")

    def following(self, moment: datetime) -> datetime:
        """Return the first due minute after a wall-clock moment."""
        for ahead in range(_LONGEST_DAYS):
            day = moment + timedelta(days=ahead)
            if self._is_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        due = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
                        if due > moment:
                            return due
        raise ConfigError(f"[schedule] {self.text!r} names a day that never comes.")

    def _is_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        is_day, is_weekday = day.day in self.days, (day.isoweekday() % 7) in self.weekdays
        return is_day or is_weekday if self.is_either_day else is_day and is_weekday


def parse_cron(text: str) -> Cron:
    """Read cron times; ConfigError says which field is wrong."""
    fields = _SHORTCUTS.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"[schedule] {text!r} needs five fields: minute hour day month weekday, such as '30 3 * * *'."
        )
    values = [_parse_field(part, *field, text) for part, field in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    return Cron(
        text,
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        not fields[2].startswith("*") and not fields[4].startswith("*"),
    )


def _parse_field(part: str, name: str, low: int, high: int, text: str) -> frozenset[int]:
    found: set[int] = set()
    for item in part.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        try:
            every = int(step) if step else 1
            if span == "*":
                start, end = low, high
            else:
                start = _number(first, name)
                end = _number(last, name) if last else (high if step else start)
            if every < 1 or not low <= start <= end <= high:
                raise ValueError
        except ValueError:
            raise ConfigError(
                f"[schedule] {text!r}: {item!r} is no {name} ({low} to {high}, lists with commas, ranges with -, steps with /)."
            ) from None
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str, name: str) -> int:
    names = {"month": _MONTHS, "weekday": _WEEKDAYS}.get(name, ())
    if text.lower() in names:
        return names.index(text.lower()) + (1 if name == "month" else 0)
    if not text.isascii() or not text.isdigit():
        raise ValueError
    return int(text)
