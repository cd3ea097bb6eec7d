"""Guard rails: noticing that live answers have become worse than a limit, soon, and hardly ever without reason.

Each limit is watched by a Shiryaev-Roberts detector over bets (Shin, Ramdas and Rinaldo, E-detectors, 2022): at every answer a new bet
against "the mean stays within the limit" begins, all bets are summed, and the sum grows by at most 1 an answer while that is true. So the mean
time to a false alarm is at least `false_alarm_every` answers for a release exactly at its limit, and a change is noticed whenever it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from knowhow.betting import stakes
from knowhow.operation import GuardSettings

_REMEMBERED = 200
_LARGEST = 1e200


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """What the guard rails look at in one answer; None where it is not known."""

    is_error: bool
    seconds: float
    format: float | None = None
    grounding: float | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is broken, with the mean of the latest answers."""

    rail: str
    limit: float
    seen: float
    answers: int

    @property
    def reason(self) -> str:
        """A sentence for the release log."""
        texts = {
            "error_rate": f"{self.seen:.0%} of the last {self.answers} answers failed; the limit is {self.limit:.0%}.",
            "format_rate": f"{1 - self.seen:.0%} of the last {self.answers} answers kept the form; the limit is {self.limit:.0%}.",
            "grounding": f"The grounding of the last {self.answers} scored answers is {1 - self.seen:.2f}; the limit is {self.limit:.2f}.",
            "p99_seconds": f"{self.seen:.0%} of the last {self.answers} answers took longer than {self.limit:g} s; 1 % may.",
        }
        return texts[self.rail]


class Detector:
    """Watches values in [0, 1] whose mean should not exceed `limit`."""

    def __init__(self, limit: float, false_alarm_every: int) -> None:
        self._limit, self._threshold = limit, float(false_alarm_every)
        self._stakes = stakes() / limit
        self._sums = np.zeros_like(self._stakes)
        self._latest: deque[float] = deque(maxlen=_REMEMBERED)

    def observe(self, value: float) -> bool:
        """Take in one value and say whether the limit is broken."""
        self._latest.append(value)
        self._sums = np.minimum((self._sums + 1) * (1 + self._stakes * (value - self._limit)), _LARGEST)
        return self.statistic >= self._threshold

    @property
    def statistic(self) -> float:
        """The sum of all bets; at least `false_alarm_every` means alarm."""
        return float(self._sums.mean())

    @property
    def seen(self) -> tuple[float, int]:
        """Mean and number of the latest values."""
        count = len(self._latest)
        return (sum(self._latest) / count if count else 0.0), count


class Guard:
    """The guard rails of one release."""

    def __init__(self, settings: GuardSettings) -> None:
        self._limits: dict[str, float] = {}
        worst: Mapping[str, tuple[float | None, float]] = {
            "error_rate": (settings.error_rate, settings.error_rate or 0.0),
            "format_rate": (settings.format_rate, 1 - (settings.format_rate or 0.0)),
            "grounding": (settings.grounding, 1 - (settings.grounding or 0.0)),
            "p99_seconds": (settings.p99_seconds, 0.01),
        }
        self._detectors: dict[str, Detector] = {}
        for rail, (limit, mean) in worst.items():
            if limit is not None:
                self._limits[rail] = limit
                self._detectors[rail] = Detector(mean, settings.false_alarm_every)

    def observe(self, figures: LiveFigures) -> Breach | None:
        """Take in one answer; return the limit that it shows to be broken, None while all hold."""
        limit = self._limits.get("p99_seconds")
        values = {
            "error_rate": float(figures.is_error),
            "format_rate": None if figures.format is None else 1 - figures.format,
            "grounding": None if figures.grounding is None else 1 - figures.grounding,
            "p99_seconds": float(figures.seconds > limit) if limit is not None else None,
        }
        broken = None
        for rail, detector in self._detectors.items():
            value = values[rail]
            if value is not None and detector.observe(value):
                seen, count = detector.seen
                broken = broken or Breach(rail, self._limits[rail], seen, count)
        return broken
