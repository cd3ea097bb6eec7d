"""What the test between champion and challenger costs and can do: false promotions, power and conversations needed, by simulation.

Every look counts: a challenge is judged after each outcome until it is decided or full. Rated conversations come in random order; a drift of the
general mood over time is part of half of the settings. Run: python benchmarks/ab_simulation.py [--challenges 2000]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np

from knowhow.traffic.guard import Detector
from knowhow.traffic.trial import LOST, UNDECIDED, WON, Outcome, Plan, judge


@dataclass(frozen=True)
class Setting:
    """True means of both sides; `drift` moves both of them over the challenge, `is_graded` makes values continuous."""

    champion: float
    challenger: float
    share: float
    drift: float = 0.0
    is_graded: bool = False
    is_paired: bool = False
    margin: float = 0.0


NULLS = [
    Setting(0.7, 0.7, 0.5),
    Setting(0.7, 0.7, 0.1),
    Setting(0.7, 0.7, 0.5, drift=0.3),
    Setting(0.7, 0.7, 0.1, drift=0.3),
    Setting(0.95, 0.95, 0.5),
    Setting(0.6, 0.6, 0.5, is_graded=True),
    Setting(0.6, 0.6, 1.0, is_paired=True, is_graded=True),
    Setting(0.7, 0.65, 0.5),
    Setting(0.7, 0.65, 0.5, margin=-0.05),
]
ALTERNATIVES = [
    Setting(0.7, 0.75, 0.5),
    Setting(0.7, 0.8, 0.5),
    Setting(0.7, 0.8, 0.1),
    Setting(0.7, 0.85, 0.5),
    Setting(0.5, 0.6, 0.5),
    Setting(0.7, 0.7, 0.5, margin=-0.1),
    Setting(0.6, 0.65, 0.5, is_graded=True),
    Setting(0.6, 0.65, 1.0, is_paired=True, is_graded=True),
]


def simulate(setting: Setting, challenges: int, conversations: int, seed: int) -> dict[str, float]:
    """Return shares of endings and how many conversations were needed in all."""
    generator = np.random.default_rng(seed)
    plan = Plan(
        "rating",
        setting.share,
        conversations=conversations,
        margin=setting.margin,
        is_shadow=setting.is_paired,
    )
    endings = {WON: 0, LOST: 0, UNDECIDED: 0}
    needed: list[int] = []
    for _ in range(challenges):
        outcomes = draw(setting, conversations, generator)
        result = judge(plan, outcomes, has_interval=False)
        state = result.state if result.state in endings else UNDECIDED
        endings[state] += 1
        needed.append(find_end(plan, outcomes, state) if state == WON else 0)
    won = sorted(count for count in needed if count)
    return {
        **{name: round(count / challenges, 4) for name, count in endings.items()},
        "conversations_median": float(np.median(won)) if won else 0.0,
        "conversations_mean": round(float(np.mean(won)), 0) if won else 0.0,
    }


def draw(setting: Setting, conversations: int, generator: np.random.Generator) -> list[Outcome]:
    """Return outcomes until one side is full."""
    total = conversations if setting.is_paired else int(2 * conversations)
    mood = setting.drift * np.sin(np.linspace(0, 3, total)) - setting.drift / 2
    ability = generator.normal(0, 0.15, total)
    outcomes = []
    for place in range(total):
        arms = ("champion", "challenger") if setting.is_paired else (
            ("challenger",) if generator.random() < setting.share else ("champion",)
        )  # fmt: skip
        for arm in arms:
            mean = getattr(setting, arm) + mood[place]
            if setting.is_graded:
                value = float(np.clip(mean + ability[place] + generator.normal(0, 0.2), 0, 1))
            else:
                value = float(generator.random() < np.clip(mean, 0, 1))
            outcomes.append(Outcome(f"u{place}", arm, "rating", value))
    return outcomes


def find_end(plan: Plan, outcomes: list[Outcome], state: str) -> int:
    """Return after how many outcomes the challenge was decided (bisection: the bound once crossed stays crossed)."""
    low, high = 1, len(outcomes)
    while low < high:
        middle = (low + high) // 2
        if judge(plan, outcomes[:middle], has_interval=False).state == state:
            high = middle
        else:
            low = middle + 1
    return low


def measure_guard(challenges: int, seed: int) -> dict[str, dict[str, float]]:
    """Return how often a guard rail of 20 % errors trips within 2,000 answers, and how soon, by true rate."""
    generator = np.random.default_rng(seed)
    found = {}
    for rate in (0.05, 0.15, 0.2, 0.3, 0.5, 1.0):
        delays = []
        for _ in range(challenges):
            detector = Detector(0.2, 10_000)
            hits = np.flatnonzero([detector.observe(float(value)) for value in generator.random(2000) < rate])
            if len(hits):
                delays.append(int(hits[0]) + 1)
        found[f"{rate:.0%}"] = {
            "tripped": round(len(delays) / challenges, 3),
            "answers_median": float(np.median(delays)) if delays else 0.0,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--challenges", type=int, default=2000)
    parser.add_argument("--conversations", type=int, default=2000)
    chosen = parser.parse_args()
    started = time.perf_counter()
    report = {
        "alpha": 0.05,
        "challenges": chosen.challenges,
        "most_conversations_per_side": chosen.conversations,
        "no_better": [
            {**setting.__dict__, **simulate(setting, chosen.challenges, chosen.conversations, number)}
            for number, setting in enumerate(NULLS)
        ],
        "better": [
            {
                **setting.__dict__,
                **simulate(setting, chosen.challenges // 4, chosen.conversations, 100 + number),
            }
            for number, setting in enumerate(ALTERNATIVES)
        ],
        "guard_error_rate_0.2": measure_guard(max(10, chosen.challenges // 20), 7),
        "seconds": 0.0,
    }
    report["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
