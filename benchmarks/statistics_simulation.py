"""Experiments of known truth through the product's own statistics: false winners, coverage, early stopping.

Run `python -m benchmarks.statistics_simulation` (1,000 experiments, about a minute) or with `--experiments 200`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import beta

from knowhow.evaluation.statistics import (
    adjust,
    compare,
    compare_over_seeds,
    find_lost,
    is_difference_shown,
    stopping_times,
)
from knowhow.evaluation.statistics.intervals import mean_bounds
from knowhow.evaluation.statistics.resampling import group
from knowhow.types import Comparison

Array = NDArray[np.float64]
SIZES = (30, 60, 100, 200)
ARMS = 3
ALPHA = 0.05


@dataclass(frozen=True)
class World:
    """A way to draw scores: `draw(rng, questions, gain)` gives (arm, baseline) and the true mean difference."""

    name: str
    draw: Callable[[np.random.Generator, int, float], tuple[Array, Array, float]]
    is_binary: bool = False
    per_cluster: int = 1


def draw_binary(rng: np.random.Generator, questions: int, gain: float) -> tuple[Array, Array, float]:
    """Right or wrong; a share of .30 (or the gain, if that is more) of the questions is decided differently."""
    discordant = max(0.3, abs(gain) + 0.1)
    wins, losses = (discordant + gain) / 2, (discordant - gain) / 2
    place = rng.random(questions)
    both = rng.random(questions) < 0.5
    ours = np.where(place < wins, 1.0, np.where(place < wins + losses, 0.0, both))
    theirs = np.where(place < wins, 0.0, np.where(place < wins + losses, 1.0, both))
    return ours, theirs, gain


def draw_bounded(rng: np.random.Generator, questions: int, gain: float) -> tuple[Array, Array, float]:
    """Beta-distributed scores in [0, 1] that share how hard a question is (correlation .6 under the normal copula)."""
    common = rng.normal(size=questions)
    ranks = [ndtr(np.sqrt(0.6) * common + np.sqrt(0.4) * rng.normal(size=questions)) for _ in range(2)]
    middle = 0.5
    ours = beta.ppf(ranks[0], 1.6 * (middle + gain / 2), 1.6 * (1 - middle - gain / 2))
    theirs = beta.ppf(ranks[1], 1.6 * (middle - gain / 2), 1.6 * (1 - middle + gain / 2))
    return ours, theirs, gain


def draw_inflated(rng: np.random.Generator, questions: int, gain: float) -> tuple[Array, Array, float]:
    """Like token F1: many zeros, many ones, the rest uniform, correlated over questions."""
    difficulty = rng.random(questions)
    scores = []
    for shift in (gain / 2, -gain / 2):
        place = np.where(rng.random(questions) < 0.6, difficulty, rng.random(questions))
        zeros, ones = 0.35 - shift, 0.35 + shift
        scores.append(np.where(place < zeros, 0.0, np.where(place > 1 - ones, 1.0, rng.random(questions))))
    return scores[0], scores[1], gain


def draw_skewed(rng: np.random.Generator, questions: int, gain: float) -> tuple[Array, Array, float]:
    """Differences far from symmetric: one question in five gains much, the others lose a little."""
    rare = rng.random(questions) < 0.2
    large = rng.uniform(0.4, 0.8, questions)
    small = -rng.uniform(0.0, 2 * 0.2 * 0.6 / 0.8, questions)
    theirs = rng.uniform(0.3, 0.5, questions)
    return theirs + np.where(rare, large, small) + gain, theirs, gain


def draw_clustered(rng: np.random.Generator, questions: int, gain: float) -> tuple[Array, Array, float]:
    """Right or wrong with five questions per document: half of them follow the document's own luck."""
    documents = np.repeat(np.arange((questions + 4) // 5), 5)[:questions]
    chance = 0.5 + gain / 2, 0.5 - gain / 2
    scores = []
    for share in chance:
        own = rng.random(questions) < share
        shared = (rng.random(documents.max() + 1) < share)[documents]
        scores.append(np.where(rng.random(questions) < 0.5, shared, own).astype(float))
    return scores[0], scores[1], gain


WORLDS = (
    World("binary", draw_binary, is_binary=True),
    World("bounded", draw_bounded),
    World("inflated", draw_inflated),
    World("skewed", draw_skewed),
    World("clustered", draw_clustered, is_binary=True, per_cluster=5),
)
# The families of true gains an experiment may have: all equal, small, mixed, large, worse.
FAMILIES = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.1), (0.0, 0.2, -0.1), (0.3, 0.0, -0.2), (0.05, -0.3, 0.0))


@dataclass(frozen=True)
class Outcome:
    """Shares over the experiments; coverage counts comparisons."""

    experiments: int
    false_winner: float
    false_difference: float
    coverage: float
    coverage_by: dict[str, float]
    false_winner_by: dict[str, float]
    found_large: float


def simulate_comparisons(experiments: int, seed: int = 0) -> Outcome:
    """Compare three arms with a baseline in each experiment and count what the verdicts get wrong."""
    rng = np.random.default_rng(seed)
    covered: defaultdict[str, list[bool]] = defaultdict(list)
    winners: defaultdict[str, list[bool]] = defaultdict(list)
    differences, large = [], []
    for number in range(experiments):
        world = WORLDS[number % len(WORLDS)]
        questions = SIZES[number // len(WORLDS) % len(SIZES)]
        gains = FAMILIES[number // (len(WORLDS) * len(SIZES)) % len(FAMILIES)]
        clusters = (np.arange(questions) // world.per_cluster).tolist()
        found, truths = [], []
        for arm, gain in enumerate(gains):
            ours, theirs, truth = world.draw(rng, questions, gain)
            comparison = compare(
                ours.tolist(),
                theirs.tolist(),
                metric="score",
                strategy=f"arm{arm}",
                against="baseline",
                clusters=clusters,
                is_binary=world.is_binary,
                comparisons=ARMS,
            )
            assert comparison is not None
            found.append(comparison)
            truths.append(truth)
        shown = [is_difference_shown(comparison, ALPHA) for comparison in adjust(found)]
        better = [comparison.difference.value > 0 for comparison in found]
        is_false = any(s and (t <= 0 if b else t >= 0) for s, b, t in zip(shown, better, truths, strict=True))
        is_false_winner = any(s and b and t <= 0 for s, b, t in zip(shown, better, truths, strict=True))
        differences.append(is_false)
        for key in (
            "all",
            world.name,
            str(questions),
            "all arms equal" if not any(gains) else "some arms differ",
        ):
            winners[key].append(is_false_winner)
            covered[key] += [
                comparison.difference.low - 1e-12 <= truth <= comparison.difference.high + 1e-12
                for comparison, truth in zip(found, truths, strict=True)
            ]
        large += [s for s, t in zip(shown, truths, strict=True) if t >= 0.3 and questions >= 100]
    share = {key: float(np.mean(values)) for key, values in covered.items()}
    false = {key: float(np.mean(values)) for key, values in winners.items()}
    return Outcome(
        experiments,
        false["all"],
        float(np.mean(differences)),
        share["all"],
        share,
        false,
        float(np.mean(large or [0])),
    )


@dataclass(frozen=True)
class Stopping:
    """What stopping early did to `experiments` of one true difference; `saved` is a share of the watched arm's generations."""

    difference: float
    questions: int
    stopped: float
    verdict_changed: float
    wrongly_lost: float
    saved: float


def simulate_stopping(experiments: int, gain: float, questions: int = 200, seed: int = 0) -> Stopping:
    """Watch one arm against a leader after every question, and compare with the verdict on all questions.

    A verdict counts as changed where the arm was given up although the full run would not have shown it worse.
    """
    rng = np.random.default_rng(seed)
    stopped = changed = saved = 0.0
    for number in range(experiments):
        world = WORLDS[number % 4]
        ours, theirs, _ = world.draw(rng, questions, gain)
        used = int(stopping_times((ours - theirs)[:, None], alpha=ALPHA)[0])
        if not used:
            continue
        stopped += 1
        saved += 1 - used / questions
        full = compare(
            ours.tolist(), theirs.tolist(), metric="score", strategy="arm", against="leader",
            is_binary=world.is_binary, resamples=500,
        )  # fmt: skip
        assert full is not None
        changed += not (is_difference_shown(full, ALPHA) and full.difference.value < 0)
    wrong = stopped / experiments if gain >= 0 else 0.0
    return Stopping(gain, questions, stopped / experiments, changed / experiments, wrong, saved / experiments)


def simulate_race(experiments: int, questions: int = 200, seed: int = 0) -> dict[str, float]:
    """Run four arms in shards of ten, drop those that are lost, and report errors and the generations saved in all."""
    rng = np.random.default_rng(seed)
    best_lost, saved = 0, []
    for _ in range(experiments):
        baseline, clear, _ = draw_inflated(rng, questions, 0.4)
        arms = {"best": baseline, "near": draw_inflated(rng, questions, 0.35)[0], "clear": clear}
        arms["lost"] = clear * rng.random(questions)
        alive, used = dict.fromkeys(arms, questions), 0
        for end in range(10, questions + 1, 10):
            used += 10 * sum(length == questions for length in alive.values())
            lost = find_lost(
                {name: scores[: min(end, alive[name])].tolist() for name, scores in arms.items()}, alpha=ALPHA
            )
            for name in lost:
                alive[name] = min(alive[name], end)
        best_lost += alive["best"] < questions
        saved.append(1 - used / (questions * len(arms)))
    return {"best_given_up": best_lost / experiments, "generations_saved": float(np.mean(saved))}


def simulate_seeds(experiments: int, trainings: int, deviation: float, seed: int = 0) -> dict[str, float]:
    """Return how often a family of a prompt and two trained strategies, all equal in truth, gets a winner over 100 questions.

    `counted` counts how trainings differ, `averaged` takes the mean over trainings first; `found` is how often a gain of .2 is shown.
    """
    rng = np.random.default_rng(seed)
    names = ("finetuned", "raft")
    wins = {"counted": 0, "averaged": 0, "found": 0}
    for _ in range(experiments):
        questions = rng.random(100)
        base = questions + 0.2 * rng.normal(size=100)
        arms = {"base": base[None]}
        for name in names:
            shift = deviation * rng.normal(size=(trainings, 1))
            arms[name] = questions + shift + 0.2 * rng.normal(size=(trainings, 100))
        wins["counted"] += _has_winner(arms)
        wins["averaged"] += _has_winner({name: rows.mean(axis=0)[None] for name, rows in arms.items()})
        wins["found"] += _has_winner({"base": base[None], "finetuned": arms["finetuned"] + 0.2})
    return {name: count / experiments for name, count in wins.items()}


def _has_winner(arms: dict[str, Array]) -> bool:
    family = [
        found
        for one, other in combinations(arms, 2)
        if (found := _compare_rows(arms[one], arms[other], one, other)) is not None
    ]
    return any(is_difference_shown(item) for item in adjust(family))


def _compare_rows(first: Array, second: Array, one: str, other: str) -> Comparison | None:
    if max(len(first), len(second)) > 1:
        return compare_over_seeds(first.tolist(), second.tolist(), metric="m", strategy=one, against=other)
    return compare(
        first[0].tolist(), second[0].tolist(), metric="m", strategy=one, against=other, resamples=500
    )


def coverage_by_method(experiments: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return the coverage of each interval method per world and number of questions, the true gain being 0 or .1 by turns."""
    rng = np.random.default_rng(seed)
    table: dict[str, dict[str, float]] = {}
    for world in WORLDS:
        for questions in SIZES:
            drawn = [world.draw(rng, questions, 0.1 * (number % 2)) for number in range(experiments)]
            truths = np.array([truth for _, _, truth in drawn])
            differences = np.stack([ours - theirs for ours, theirs, _ in drawn], axis=1)
            grouped = group(differences, (np.arange(questions) // world.per_cluster).tolist())
            cell: dict[str, float] = {}
            for method in ("t", "bca", "wider"):
                low, high = mean_bounds(grouped, level=0.95, resamples=1000, method=method)
                cell[method] = float(((low - 1e-12 <= truths) & (truths <= high + 1e-12)).mean())
            table[f"{world.name}, {questions} questions"] = cell
    return table


def main() -> int:
    """Run everything and print one JSON document; exit 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--methods", action="store_true", help="only compare the interval methods, cell by cell"
    )
    parser.add_argument("--seeds", action="store_true", help="only strategies with several trainings")
    arguments = parser.parse_args()
    if arguments.seeds:
        cells = {
            f"{trainings} trainings, deviation {deviation}": simulate_seeds(
                arguments.experiments, trainings, deviation, arguments.seed
            )
            for trainings in (2, 3, 5)
            for deviation in (0.01, 0.05)
        }
        json.dump(cells, sys.stdout, indent=2)
        print()
        return 0
    if arguments.methods:
        json.dump(coverage_by_method(arguments.experiments, arguments.seed), sys.stdout, indent=2)
        print()
        return 0
    started = time.perf_counter()
    outcome = simulate_comparisons(arguments.experiments, arguments.seed)
    stops = [
        simulate_stopping(arguments.experiments, gain, seed=arguments.seed)
        for gain in (0.0, -0.05, -0.1, -0.2, -0.3)
    ]
    race = simulate_race(max(20, arguments.experiments // 10), seed=arguments.seed)
    is_kept = {
        "false_winner <= .05": outcome.false_winner <= 0.05,
        "coverage .95 +- .015": abs(outcome.coverage - 0.95) <= 0.015,
        "verdict changed <= alpha": all(stop.verdict_changed <= ALPHA for stop in stops),
        "clearly worse saves >= .40": stops[-1].saved >= 0.4,
        "best given up <= alpha": race["best_given_up"] <= ALPHA,
    }
    report = {
        "comparisons": asdict(outcome),
        "stopping": [asdict(stop) for stop in stops],
        "race": race,
        "seconds": round(time.perf_counter() - started, 1),
        "kept": is_kept,
    }
    json.dump(report, sys.stdout, indent=2)
    print()
    return 0 if all(is_kept.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
