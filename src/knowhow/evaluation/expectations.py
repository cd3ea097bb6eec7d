"""What was expected before measuring, as plain values: whoever gave the advice fills it in, the report shows it beside the measurement."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.types import Interval


@dataclass(frozen=True, slots=True)
class Expectation:
    """One step in points: the expected change with its interval over `studies`, the measured one (None: not run), and what that says.

    `strategies` names the two that were measured; bounds of `measured` are NaN where they were not compared pairwise.
    """

    step: str
    expected: Interval
    studies: int
    measured: Interval | None
    strategies: str
    measured_text: str
    reading: str


@dataclass(frozen=True, slots=True)
class Prior:
    """The advice given before the comparison, and the sentence that sets the measured verdict beside it.

    `decided` is the day of the advice, empty where unknown; `no_steps` says why there are no expected figures.
    """

    advice: str
    strategy: str
    decided: str
    verdict: str
    steps: tuple[Expectation, ...]
    no_steps: str = ""
