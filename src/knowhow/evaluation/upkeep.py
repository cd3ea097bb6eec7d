"""What a strategy costs to run and keep each month, and where the order of two strategies turns over."""

from __future__ import annotations

from collections.abc import Sequence

from knowhow.evaluation.arms import Goal
from knowhow.evaluation.results import StrategyResult
from knowhow.types import Interval


def monthly_cost(result: StrategyResult, goal: Goal) -> float:
    """Return answering plus keeping: questions a month, and for what learns a new training with every update of the facts."""
    return result.cost_per_1000 * goal.questions_per_month / 1000 + _keeping(result, goal)


def order_by_upkeep(results: Sequence[StrategyResult], goal: Goal) -> list[StrategyResult]:
    """Sort by monthly cost; costs within a tenth of each other count as equal, and the simpler strategy comes first."""
    cheapest = min((monthly_cost(result, goal) for result in results), default=0.0)

    def rank(result: StrategyResult) -> tuple[float, int, float, str]:
        cost = monthly_cost(result, goal)
        parts = 2 * result.traits.learns + result.traits.retrieves
        return (0.0 if cost <= 1.1 * cheapest else cost, parts, cost, result.name)

    return sorted(results, key=rank)


def find_flips(
    chosen: StrategyResult,
    others: Sequence[StrategyResult],
    qualities: dict[str, Interval],
    goal: Goal,
    unit: str,
) -> list[str]:
    """Return sentences with the volume, update rate and weight at which another strategy would take the place of `chosen`."""
    sentences = []
    for other in others:
        parts = [
            text
            for text in (
                _volume(chosen, other, goal),
                _updates(chosen, other, goal),
                _weight(chosen, other, qualities, goal),
                _price(chosen, other, qualities, unit),
            )
            if text
        ]
        if parts:
            sentences.append(f"{other.name}: {'; '.join(parts)}.")
    return sentences


def _keeping(result: StrategyResult, goal: Goal) -> float:
    return result.fit_cost * goal.updates_per_month if result.traits.learns else 0.0


def _volume(chosen: StrategyResult, other: StrategyResult, goal: Goal) -> str:
    saved = (chosen.cost_per_1000 - other.cost_per_1000) / 1000
    extra = _keeping(other, goal) - _keeping(chosen, goal)
    if saved == 0 or (volume := extra / saved) <= 0:
        return ""
    side = "more" if saved > 0 else "fewer"
    return f"costs less than {chosen.name} with {side} than {_round(volume)} questions a month"


def _updates(chosen: StrategyResult, other: StrategyResult, goal: Goal) -> str:
    slope = (other.fit_cost if other.traits.learns else 0.0) - (
        chosen.fit_cost if chosen.traits.learns else 0.0
    )
    running = (chosen.cost_per_1000 - other.cost_per_1000) * goal.questions_per_month / 1000
    if slope == 0 or (rate := running / slope) <= 0:
        return ""
    side = "fewer" if slope > 0 else "more"
    return f"costs less than {chosen.name} with {side} than {_round(rate)} updates of the facts a month"


def _weight(chosen: StrategyResult, other: StrategyResult, qualities: dict[str, Interval], goal: Goal) -> str:
    """The share that quality counts for against cost (each strategy's monthly cost as a share of the dearer) at which both tie."""
    costs = monthly_cost(chosen, goal), monthly_cost(other, goal)
    top = max(costs)
    if top <= 0 or other.name not in qualities:
        return ""
    better = qualities[chosen.name].value - qualities[other.name].value
    cheaper = (costs[1] - costs[0]) / top
    if better * cheaper >= 0:
        return ""
    weight = cheaper / (cheaper - better)
    side = "less" if better > 0 else "more"
    return f"comes out ahead where quality counts for {side} than {weight:.0%} against cost"


def _price(chosen: StrategyResult, other: StrategyResult, qualities: dict[str, Interval], unit: str) -> str:
    if other.name not in qualities:
        return ""
    better = 100 * (qualities[chosen.name].value - qualities[other.name].value)
    dearer = chosen.cost_per_1000 - other.cost_per_1000
    if better <= 0.5 or dearer <= 0:
        return ""
    return f"right where a point of quality is worth less than {dearer / better:.3g} {unit} per 1,000 answers"


def _round(value: float) -> str:
    if value >= 100:
        magnitude = 10 ** (len(str(int(value))) - 2)
        return f"{round(value / magnitude) * magnitude:,}"
    return f"{value:.1f}".rstrip("0").rstrip(".")
