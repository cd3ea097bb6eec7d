"""Comparing strategies that were trained with several seeds: how trainings differ counts, in intervals, tests and verdicts."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.unit.evaluation.experiments import RETRIEVES, make_arm, make_examples, make_plan

from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.pairs import compare_pairs, compare_two
from knowhow.evaluation.results import Report, StrategyResult
from knowhow.evaluation.scores import split_seeds, tabulate
from knowhow.evaluation.statistics import is_difference_shown
from knowhow.types import Comparison, Score, Traits

LEARNS = Traits(learns=True)
ROWS = {"base": [[0.0, 0.0, 0.0]], "finetuned": [[0.2, 0.4, 0.6], [0.0, 0.2, 0.4]]}


def make_scores(rows: dict[str, list[list[float]]]) -> list[Score]:
    return [
        Score("exact_match", name, f"e{place}", value, seed)
        for name, seeds in rows.items()
        for seed, row in enumerate(seeds)
        for place, value in enumerate(row)
    ]


def make_record(questions: int) -> SimpleNamespace:
    examples = [SimpleNamespace(id=f"e{place}") for place in range(questions)]
    return SimpleNamespace(decisive="exact_match", examples=examples, alpha=0.05, margin=0.0, resamples=200)


def compare_all(rows: dict[str, list[list[float]]]) -> tuple[Comparison, ...]:
    questions = len(next(iter(rows.values()))[0])
    scores = make_scores(rows)
    clusters = {f"e{place}": f"e{place}" for place in range(questions)}
    strategies = [StrategyResult(name, LEARNS, answered=questions) for name in rows]
    return compare_pairs(
        make_record(questions),  # type: ignore[arg-type]
        strategies,
        tabulate(scores),
        clusters,
        split_seeds(scores, "exact_match"),
    )


def test_two_seeds_against_one_by_hand() -> None:
    (found,) = compare_all({"finetuned": ROWS["finetuned"], "base": ROWS["base"]})
    # Question means .1 .3 .5: error sqrt(.04 / 3). Seed means .4 .2: error sqrt(.02 / 2).
    assert found.test == "seeds"
    assert found.difference.value == pytest.approx(0.3)
    # Student's t at 97.5 %: 4.3027 with 2 degrees of freedom (three questions), 12.7062 with 1 (two seeds).
    assert found.difference.high - 0.3 == pytest.approx(
        math.hypot(4.3027 * 0.115470, 12.7062 * 0.1), abs=1e-4
    )
    # The p-value is where the same width is .3; quantiles of t with 1 and 2 degrees of freedom have closed forms.
    share = 1 - found.p_value
    over_seeds, over_questions = math.tan(math.pi / 2 * share), share * math.sqrt(2 / (1 - share**2))
    assert math.hypot(0.115470 * over_questions, 0.1 * over_seeds) == pytest.approx(0.3, abs=1e-4)
    assert 0.2 < found.p_value < 0.3
    assert (found.wins, found.ties, found.losses) == (3, 0, 0)


def test_averaging_seeds_first_would_have_hidden_how_they_differ() -> None:
    rng = np.random.default_rng(3)
    base = rng.random(80)
    rows = {"base": [list(base)], "finetuned": [list(base + shift) for shift in (0.25, -0.05)]}
    scores = make_scores(rows)
    clusters = {f"e{place}": f"e{place}" for place in range(80)}
    record = make_record(80)
    averaged = compare_two(record, tabulate(scores), clusters, "finetuned", "base")  # type: ignore[arg-type]
    (honest,) = compare_all(rows)
    assert averaged is not None
    assert averaged.p_value < 0.001
    assert honest.p_value > 0.2
    assert honest.difference.low < 0 < honest.difference.high


def test_one_seed_each_is_compared_as_ever() -> None:
    rows = {name: seeds[:1] for name, seeds in ROWS.items()}
    assert [item.test for item in compare_all(rows)] == ["mcnemar"]


@pytest.mark.parametrize("trainings", [2, 3])
def test_equal_strategies_with_seed_noise_rarely_have_a_winner(trainings: int) -> None:
    """A prompt and two trained arms of equal worth; each training is off by .05 (standard deviation), 100 questions."""
    rng = np.random.default_rng(trainings)
    winners = averaged = 0
    repeats = 150
    for _ in range(repeats):
        questions = rng.beta(1, 1, size=100)
        rows = {"base": [list(questions + 0.2 * rng.normal(size=100))]}
        for name in ("finetuned", "raft"):
            rows[name] = [
                list(questions + 0.05 * rng.normal() + 0.2 * rng.normal(size=100)) for _ in range(trainings)
            ]
        winners += any(is_difference_shown(item) for item in compare_all(rows))
        plain = {name: [list(np.mean(seeds, axis=0))] for name, seeds in rows.items()}
        averaged += any(is_difference_shown(item) for item in compare_all(plain))
    # 5 % and two standard errors of 150 repeats; without the seeds a winner would be found several times as often.
    assert winners / repeats <= 0.05 + 0.035
    assert averaged / repeats > 0.15


def test_a_large_difference_is_still_found_over_seeds() -> None:
    rng = np.random.default_rng(9)
    found = 0
    for _ in range(40):
        questions = rng.random(100)
        rows = {
            "base": [list(questions + 0.2 * rng.normal(size=100))],
            "finetuned": [
                list(questions + 0.3 + 0.02 * rng.normal() + 0.2 * rng.normal(size=100)) for _ in range(3)
            ],
        }
        found += is_difference_shown(compare_all(rows)[0])
    assert found >= 36


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Report:
    examples = make_examples(150)
    salts = count()
    arms = [make_arm("base", examples, 0.05)]
    for seed in range(2):
        arm = make_arm(
            "finetuned", examples, 0.85 - 0.1 * seed, replace(RETRIEVES, learns=True), salt=str(next(salts))
        )
        arms.append(replace(arm, seed=seed, digest=f"{arm.digest} {seed}"))
    plan = make_plan(tmp_path_factory.mktemp("seeded"), examples, arms, shard=8)
    return build_report(run_experiment(plan), plan.metrics)


def test_a_run_with_seeds_counts_them_everywhere(seeded: Report) -> None:
    item = seeded.strategy("finetuned")
    assert item.seeds == 2
    assert item.seed_deviation is not None
    assert [pair.test for pair in seeded.comparisons] == ["seeds"]
    interval = item.metrics["exact_match"].interval
    means = [
        np.mean(
            [score.value for score in seeded.scores if score.strategy == "finetuned" and score.seed == seed]
        )
        for seed in (0, 1)
    ]
    assert interval.value == pytest.approx(np.mean(means))
    # The interval reaches beyond both trainings: another one may lie there.
    assert interval.low < min(means)
    assert interval.high > max(means)


def test_no_training_of_several_is_given_up_alone(seeded: Report) -> None:
    assert all(not item.lost_to for item in seeded.strategies)
    assert {arm.answered for arm in seeded.record.arms} == {seeded.questions}


def test_one_training_is_named_as_a_limit(tmp_path: Path, seeded: Report) -> None:
    examples = make_examples(60)
    arms = [make_arm("base", examples, 0.2), make_arm("finetuned", examples, 0.9, LEARNS)]
    plan = make_plan(tmp_path, examples, arms)
    report = build_report(run_experiment(plan), plan.metrics)
    assert any("finetuned learned once" in limit for limit in report.limits)
    assert not any("learned once" in limit for limit in seeded.limits)
