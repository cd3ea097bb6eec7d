"""From outcomes to choices: how well each strategy does per intent, and which one answers it.

An intent has few questions, and the best of several strategies on few questions is often luck. So each strategy's lead over the
fallback is drawn towards its lead over all questions, the more the fewer questions there are and the less intents differ
(empirical Bayes, with the variance between intents by the method of moments).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowhow.types import Traits

Outcomes = Mapping[str, Sequence[float | None]]
"""strategy -> value per question (higher is better), None where the question was not scored; all of one length."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How a strategy does on one intent: `mean` as seen on `rows` questions, `lead` over the fallback after shrinking."""

    strategy: str
    mean: float
    lead: float
    rows: int


def rank_overall(outcomes: Outcomes, names: Sequence[str]) -> list[str]:
    """Return the strategies by their mean over the questions that all were scored on, best first, ties in the given order."""
    shared = _shared(outcomes, names)
    means = {name: _mean([_value(outcomes, name, place) for place in shared]) for name in names}
    return sorted(names, key=lambda name: -means[name])


def estimate(
    outcomes: Outcomes, intents: Sequence[str], names: Sequence[str], fallback: str
) -> dict[str, tuple[Estimate, ...]]:
    """Return for each intent ('' for questions of none) the estimates of all strategies, best first."""
    places: dict[str, list[int]] = defaultdict(list)
    for place in _shared(outcomes, names):
        places[intents[place]].append(place)
    leads = {
        name: _shrink(
            {
                intent: [
                    _value(outcomes, name, place) - _value(outcomes, fallback, place) for place in members
                ]
                for intent, members in places.items()
            }
        )
        for name in names
    }
    return {
        intent: tuple(
            sorted(
                (
                    Estimate(
                        name,
                        _mean([_value(outcomes, name, place) for place in members]),
                        leads[name][intent],
                        len(members),
                    )
                    for name in names
                ),
                key=lambda item: -item.lead,
            )
        )
        for intent, members in sorted(places.items())
    }


def choose(
    estimates: Sequence[Estimate], fallback: str, traits: Mapping[str, Traits], margin: float, least: int
) -> tuple[str, str]:
    """Return the strategy for an intent and why: the fallback unless another leads by `margin` on `least` questions or more.

    A strategy that looks nothing up also takes the place of one that does where it is not behind: retrieval does not help there.
    """
    known = {item.strategy: item for item in estimates}
    base = known.get(fallback)
    if base is None:
        return fallback, "nothing was measured there"
    if base.rows < least:
        return fallback, f"only {base.rows} questions were measured there"
    best = estimates[0]
    if best.strategy != fallback and best.lead >= margin:
        return best.strategy, (
            f"it scored {best.mean:.2f} there against {base.mean:.2f} of {fallback} on {best.rows} questions "
            f"(a lead of {best.lead:.2f} once few questions are allowed for)"
        )
    lean = [item for item in estimates if not traits[item.strategy].retrieves and item.lead >= 0]
    if traits[fallback].retrieves and lean:
        return lean[0].strategy, (
            f"looking documents up does not help there: it scored {lean[0].mean:.2f}, {fallback} {base.mean:.2f} "
            f"on {base.rows} questions"
        )
    return fallback, f"no other strategy leads by {margin:.2f} there ({base.rows} questions)"


def _shared(outcomes: Outcomes, names: Sequence[str]) -> list[int]:
    if not names:
        return []
    return [
        place
        for place in range(len(outcomes[names[0]]))
        if all(outcomes[name][place] is not None for name in names)
    ]


def _value(outcomes: Outcomes, name: str, place: int) -> float:
    value = outcomes[name][place]
    assert value is not None
    return value


def _shrink(groups: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each group's mean drawn towards the mean of all values by the share of its variance that is chance."""
    values = [value for group in groups.values() for value in group]
    overall = _mean(values)
    means = {name: _mean(group) for name, group in groups.items()}
    freedom = len(values) - len(groups)
    if freedom <= 0 or len(groups) < 2:
        return dict.fromkeys(groups, overall)
    within = sum((value - means[name]) ** 2 for name, group in groups.items() for value in group) / freedom
    sizes = [len(group) for group in groups.values()]
    effective = (len(values) - sum(size**2 for size in sizes) / len(values)) / (len(groups) - 1)
    among = sum(len(group) * (means[name] - overall) ** 2 for name, group in groups.items()) / (
        len(groups) - 1
    )
    between = max(0.0, (among - within) / effective)
    return {
        name: overall + (means[name] - overall) * between / (between + within / len(group))
        if between
        else overall
        for name, group in groups.items()
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
