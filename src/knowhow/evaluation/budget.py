"""A budget of minutes: estimate from the first answers how many questions every arm can be asked, evenly, and stop in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

LATENCY_SHARE = 0.15
"""Share of a budget kept for single calls that measure latency."""
LATENCY_TIME = 0.2
"""Time for such calls where there is no budget, as a share of what the answers took."""


@dataclass
class Budget:
    """Time left of `seconds` (None: no limit), counted from construction on `clock`."""

    seconds: float | None
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        """Start counting."""
        self._started = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock() - self._started

    def left(self, *, for_answers: bool = False) -> float:
        """Seconds left, without the share for latency where `for_answers`; infinity without a limit."""
        if self.seconds is None:
            return float("inf")
        share = 1 - LATENCY_SHARE if for_answers else 1.0
        return self.seconds * share - self.elapsed


def plan_questions(
    total: int, answered: int, seconds_per_question: Mapping[str, float], seconds_left: float
) -> int:
    """Return how many of `total` questions all arms together can answer in the time left, at least the `answered` ones.

    `seconds_per_question` holds each arm's measured pace for questions that still have to be asked.
    """
    pace = sum(seconds_per_question.values())
    if seconds_left == float("inf") or pace <= 0:
        return total
    return max(answered, min(total, answered + int(max(0.0, seconds_left) / pace)))


def next_shard(done: int, planned: int, size: int) -> range:
    """Return the positions of the next shard: a small pilot first, then shards of `size`."""
    pilot = min(size, 4)
    return range(done, min(planned, done + (pilot if done == 0 else size)))


def spread_evenly(count: int, wanted: int) -> Sequence[int]:
    """Return `wanted` positions spread evenly over `count`."""
    if wanted >= count:
        return range(count)
    return [place * count // wanted for place in range(wanted)]
