"""What the outcomes of a challenge show so far: a sequential test that may be looked at after every single outcome.

Conversations are the units, and the first outcome of each counts. Challenger and champion answer different conversations, so they are
compared in blocks: as soon as both sides have an outcome, the difference of their means is one bet (see knowhow.betting) and a new block
begins. Sides are drawn by a secret digest, hence without knowledge of the outcome: where the sides do not differ a block's difference is 0
on average whatever its size, and blocks keep what changes over time on both sides alike. In shadow mode both sides have the same
conversation, and each pair is a block of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from knowhow.betting import log_capital
from knowhow.traffic.assignment import CHALLENGER_ARM, CHAMPION_ARM
from knowhow.types import Interval

if TYPE_CHECKING:
    from knowhow.betting import Array

RUNNING, WON, LOST, UNDECIDED = "running", "won", "lost", "undecided"
_GRID = np.linspace(-0.98, 0.98, 99)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was fixed before the first outcome (see TrafficSettings)."""

    metric: str
    share: float
    alpha: float = 0.05
    margin: float = 0.0
    conversations: int = 2000
    sticky: str = "conversation"
    is_shadow: bool = False
    promotes: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one answer: `value` lies in [0, 1], higher is better."""

    unit: str
    arm: str
    metric: str
    value: float
    time: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """How many conversations of one side have an outcome, and their mean; None without any."""

    conversations: int = 0
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Where a challenge stands; `difference` is challenger minus champion with an interval that holds at every look at once.

    `evidence` is the highest capital so far against "not better", `counterevidence` that against "not worse"; at 1 / alpha it is decided.
    """

    state: str
    champion: Side
    challenger: Side
    blocks: int
    difference: Interval | None
    evidence: float
    counterevidence: float


def judge(plan: Plan, outcomes: Iterable[Outcome], *, has_interval: bool = True) -> Result:
    """Return the result of all outcomes in the order in which they came; the first bound that was crossed decides for good.

    The interval costs two hundred times as much as the decision; without it `difference` is None.
    """
    firsts = _first_outcomes(plan, outcomes)
    differences = np.array(_pair(firsts) if plan.is_shadow else _block(firsts))
    better, worse = _capitals(differences, plan)
    sides = {arm: _side([outcome for outcome in firsts if outcome.arm == arm]) for arm in (CHAMPION_ARM, CHALLENGER_ARM)}  # fmt: skip
    return Result(
        state=_state(plan, better, worse, sides),
        champion=sides[CHAMPION_ARM],
        challenger=sides[CHALLENGER_ARM],
        blocks=len(differences),
        difference=_confidence_sequence(differences, plan.alpha) if has_interval else None,
        evidence=_highest(better),
        counterevidence=_highest(worse),
    )


def describe(result: Result, plan: Plan) -> str:
    """Return a sentence with the figures, for the release log and for people."""
    if result.challenger.mean is None or result.champion.mean is None:
        return f"No conversation of both sides has an outcome in {plan.metric} yet."
    text = (
        f"{plan.metric}: challenger {result.challenger.mean:.3f} over {result.challenger.conversations} conversations, "
        f"champion {result.champion.mean:.3f} over {result.champion.conversations}"
    )
    if result.difference is not None:
        spread = result.difference
        text += (
            f"; difference {spread.value:+.3f}, from {spread.low:+.2f} to {spread.high:+.2f} "
            f"with {spread.level:.0%} confidence at every look"
        )
    return f"{text}."


def _first_outcomes(plan: Plan, outcomes: Iterable[Outcome]) -> list[Outcome]:
    seen: set[tuple[str, str]] = set()
    firsts = []
    for outcome in outcomes:
        # Beside each other only in shadow mode: live, a conversation belongs to the side that it began with.
        key = (outcome.unit, outcome.arm if plan.is_shadow else "")
        if outcome.metric == plan.metric and key not in seen:
            seen.add(key)
            firsts.append(outcome)
    return firsts


def _block(firsts: Sequence[Outcome]) -> list[float]:
    differences: list[float] = []
    open_block: dict[str, list[float]] = {CHAMPION_ARM: [], CHALLENGER_ARM: []}
    for outcome in firsts:
        open_block[outcome.arm].append(outcome.value)
        if all(open_block.values()):
            differences.append(_mean(open_block[CHALLENGER_ARM]) - _mean(open_block[CHAMPION_ARM]))
            open_block = {CHAMPION_ARM: [], CHALLENGER_ARM: []}
    return differences


def _pair(firsts: Sequence[Outcome]) -> list[float]:
    waiting: dict[str, Outcome] = {}
    differences = []
    for outcome in firsts:
        other = waiting.pop(outcome.unit, None)
        if other is None:
            waiting[outcome.unit] = outcome
        else:
            challenger, champion = (outcome, other) if outcome.arm == CHALLENGER_ARM else (other, outcome)
            differences.append(challenger.value - champion.value)
    return differences


def _capitals(differences: Array, plan: Plan) -> tuple[Array, Array]:
    """Return the log capital after each block against "not better by more than the margin" and against "not worse"."""
    if not len(differences):
        return np.zeros(0), np.zeros(0)
    # Without a margin for being worse (a negative one) "worse" means: below zero.
    floor = min(plan.margin, 0.0)
    return log_capital(-differences, margin=-plan.margin), log_capital(differences, margin=floor)


def _state(plan: Plan, better: Array, worse: Array, sides: dict[str, Side]) -> str:
    bound = -math.log(plan.alpha)
    won, lost = _first_crossing(better, bound), _first_crossing(worse, bound)
    if won is not None and (lost is None or won < lost):
        return WON
    if lost is not None:
        return LOST
    counts = [side.conversations for side in sides.values()]
    is_full = min(counts) >= plan.conversations or max(counts) >= plan.conversations / min(
        plan.share, 1 - plan.share or 1.0
    )
    return UNDECIDED if is_full else RUNNING


def _first_crossing(capital: Array, bound: float) -> int | None:
    crossed = np.flatnonzero(capital >= bound)
    return int(crossed[0]) if len(crossed) else None


def _highest(capital: Array) -> float:
    return math.exp(min(float(capital.max(initial=0.0)), 700.0))


def _confidence_sequence(differences: Array, alpha: float) -> Interval | None:
    """Return the mean difference with all values that no bet at alpha / 2 a side has ruled out at any time."""
    if not len(differences):
        return None
    bound = math.log(2 / alpha)
    low = [value for value in _GRID if log_capital(-differences, margin=-value).max() >= bound]
    high = [value for value in _GRID if log_capital(differences, margin=value).max() >= bound]
    mean = float(differences.mean())
    return Interval(
        mean,
        min(max(low, default=-1.0), mean),
        max(min(high, default=1.0), mean),
        1 - alpha,
    )


def _side(outcomes: Sequence[Outcome]) -> Side:
    return Side(len(outcomes), _mean([outcome.value for outcome in outcomes]) if outcomes else None)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
