import numpy as np
import pytest

from knowhow.evaluation.statistics import find_lost, log_capital, stopping_times


def test_capital_is_a_fair_game_at_the_boundary():
    # One toss of a fair coin: the mean capital over both outcomes is 1.
    capital = np.exp([log_capital(np.array([[1.0]]))[0, 0], log_capital(np.array([[-1.0]]))[0, 0]])
    assert capital.mean() == pytest.approx(1.0)
    assert capital[1] > 1 > capital[0]


def test_null_experiments_are_rarely_stopped_however_often_one_looks():
    rng = np.random.default_rng(2)
    differences = rng.choice([-1.0, 1.0], size=(500, 2000))
    assert (stopping_times(differences, alpha=0.05) > 0).mean() <= 0.05


def test_a_clearly_worse_arm_is_stopped_soon():
    rng = np.random.default_rng(3)
    differences = rng.choice([-1.0, 0.0, 1.0], p=[0.4, 0.5, 0.1], size=(200, 500))
    times = stopping_times(differences)
    assert (times > 0).mean() > 0.95
    assert np.mean(np.where(times > 0, times, 200)) < 0.6 * 200


def test_a_margin_protects_arms_that_are_only_a_little_worse():
    rng = np.random.default_rng(4)
    differences = rng.choice([-1.0, 0.0, 1.0], p=[0.2, 0.7, 0.1], size=(400, 1000))
    assert (stopping_times(differences) > 0).mean() > 0.5
    assert (stopping_times(differences, margin=-0.1) > 0).mean() <= 0.05


def test_the_lost_are_named_with_the_one_that_beat_them():
    scores = {"rag": [1.0, 1, 1, 0] * 15, "base": [0.0, 0, 0, 0] * 15, "oracle": [1.0, 0, None, 1] * 15}
    assert find_lost(scores) == {"base": "rag"}
    shorter = scores | {"base": scores["base"][:40]}
    assert find_lost(shorter) == {"base": "rag"}, "an arm stopped earlier stays lost"
    assert find_lost({"rag": [1.0]}) == {}
    assert find_lost({"rag": [None], "base": [1.0]}) == {}


def test_scores_beyond_the_bound_are_refused():
    with pytest.raises(ValueError, match="outside"):
        find_lost({"a": [3.0], "b": [1.0]})
