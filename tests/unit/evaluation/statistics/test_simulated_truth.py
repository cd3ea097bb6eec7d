"""A reduced run of benchmarks/statistics_simulation.py: experiments of known truth through the public functions."""

from benchmarks.statistics_simulation import simulate_comparisons, simulate_race, simulate_stopping


def test_verdicts_on_experiments_of_known_truth():
    outcome = simulate_comparisons(300, seed=1)
    assert outcome.false_winner <= 0.05
    assert outcome.false_difference <= 0.06
    assert abs(outcome.coverage - 0.95) <= 0.015 + 0.01, "900 comparisons: one point of noise allowed"
    assert outcome.found_large >= 0.85, "a statistic that never finds anything would pass the other checks"


def test_stopping_early_keeps_the_verdict_and_saves_work():
    null = simulate_stopping(150, 0.0, seed=1)
    worse = simulate_stopping(100, -0.3, seed=1)
    assert null.wrongly_lost <= 0.05
    assert max(null.verdict_changed, worse.verdict_changed) <= 0.05
    assert worse.saved >= 0.4


def test_a_race_never_gives_up_the_best():
    race = simulate_race(20, seed=1)
    assert race["best_given_up"] == 0.0
    assert race["generations_saved"] >= 0.3
