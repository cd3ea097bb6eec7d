import numpy as np
import pytest

from knowhow.evaluation.statistics import (
    assumed_deviation,
    detectable_difference,
    mean_interval,
    proportion_interval,
    questions_for,
    questions_needed,
)
from knowhow.evaluation.statistics.resampling import group


def test_wilson_equals_scipy_and_stays_inside_zero_and_one():
    from scipy.stats import binomtest

    for successes, trials in [(0, 10), (3, 10), (10, 10), (57, 200)]:
        reference = binomtest(successes, trials).proportion_ci(method="wilson")
        ours = proportion_interval(successes, trials)
        assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-12)
    assert proportion_interval(0, 0).high == 1.0


def test_bca_agrees_with_scipy_on_a_skewed_sample():
    from scipy.stats import bootstrap

    values = np.random.default_rng(5).exponential(1.0, 80)
    reference = bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=2).confidence_interval
    ours = mean_interval(values, resamples=20_000, method="bca")
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=0.015)


@pytest.mark.parametrize("method", ["wider", "bca", "t"])
def test_every_method_is_near_the_normal_interval_on_a_large_sample(method):
    values = np.random.default_rng(1).normal(0.2, 1.0, 2000)
    error = values.std(ddof=1) / np.sqrt(2000)
    found = mean_interval(values, method=method)
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


@pytest.mark.parametrize("method", ["wider", "bca", "t"])
def test_constant_values_and_single_clusters(method):
    assert mean_interval([0.5] * 10, method=method).low == pytest.approx(0.5)
    lonely = mean_interval([0.1, 0.9], ["one", "one"], method=method)
    assert (lonely.low, lonely.high) == (-np.inf, np.inf)


def test_the_error_of_a_clustered_mean_by_hand():
    # Clusters {1, 3}, {5}: mean 3, residual sums -2 and +2, error sqrt(8 * 2 / 1) / 3.
    grouped = group(np.array([[1.0], [3.0], [5.0]]), ["a", "a", "b"])
    assert grouped.means[0] == pytest.approx(3.0)
    assert grouped.errors[0] == pytest.approx(4 / 3)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(1).random(50)
    assert mean_interval(values, seed=4) == mean_interval(values, seed=4)


def test_power_by_hand():
    # (1.95996 + 0.84162) * 0.4 / sqrt(100) = 0.11206
    assert detectable_difference(100, 0.4) == pytest.approx(0.112063, abs=1e-6)
    assert detectable_difference(100, 0.4, comparisons=5) > detectable_difference(100, 0.4)
    assert detectable_difference(0, 0.4) == np.inf
    assert questions_needed(0.11207, 0.4) == 100
    assert questions_needed(0.0, 0.4) is None
    assert questions_needed(-0.11207, 0.4) == 100
    assert assumed_deviation(agreement=1.0) == 0.0


def test_power_is_reached_in_simulation():
    from knowhow.evaluation.statistics import compare

    rng = np.random.default_rng(7)
    needed = questions_needed(0.1, 0.3)
    shown = 0
    for _ in range(150):
        found = compare(
            rng.normal(0.1, 0.3, needed),
            np.zeros(needed),
            metric="m",
            strategy="a",
            against="b",
            resamples=100,
        )
        shown += found.p_value <= 0.05
    assert 0.7 <= shown / 150 <= 0.9


def test_the_questions_for_a_difference_follow_from_what_was_seen():
    from knowhow.evaluation.statistics import compare

    scores = np.random.default_rng(3).random(80)
    found = compare(scores, scores[::-1], metric="m", strategy="a", against="b", comparisons=3)
    deviation = (scores - scores[::-1]).std(ddof=1)
    assert questions_for(found, 0.1) == questions_needed(0.1, deviation, comparisons=3)
    assert questions_for(found, found.detectable) == 80
    assert questions_for(found, 0.0) is None
