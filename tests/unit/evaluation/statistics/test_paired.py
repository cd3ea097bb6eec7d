import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.evaluation.statistics import adjust, compare, holm, is_difference_shown, mcnemar_p, permutation_p
from knowhow.types import Comparison, Interval


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [
        # 2 * P(X <= min) for a fair coin, by hand.
        (0, 0, 1.0),
        (5, 0, 2 / 32),
        (1, 4, 2 * 6 / 32),
        (3, 3, 1.0),
        (15, 5, 2 * sum([1, 20, 190, 1140, 4845, 15504]) / 2**20),
    ],
)
def test_mcnemar_is_exact(wins, losses, expected):
    assert mcnemar_p(wins, losses) == pytest.approx(expected, abs=1e-12)


def test_permutation_counts_every_sign_pattern_for_small_samples():
    differences = [0.3, 0.1, -0.2, 0.4, 0.25]
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=5)
    ]
    expected = sum(value >= abs(sum(differences)) - 1e-9 for value in sums) / 32
    assert permutation_p(differences) == pytest.approx(expected)
    assert permutation_p([*differences, 0.0, 0.0]) == pytest.approx(expected), (
        "questions without a difference say nothing"
    )


def test_permutation_agrees_with_scipy_on_a_larger_sample():
    from scipy.stats import permutation_test

    differences = np.random.default_rng(3).normal(0.15, 0.5, 60)
    reference = permutation_test(
        (differences, np.zeros(60)),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=20_000,
        rng=1,
    )
    assert permutation_p(differences) == pytest.approx(reference.pvalue, abs=0.012)


def test_permutation_flips_whole_clusters():
    assert permutation_p([0.2] * 20, ["one"] * 20) == 1.0
    assert permutation_p([0.2] * 20, list("abcde") * 4) == pytest.approx(2 / 32)
    assert permutation_p([0.2] * 20) < 1e-3


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.6, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= value <= 1 for p, value in zip(p_values, adjusted, strict=True))
    ranked = sorted(zip(p_values, adjusted, strict=True))
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(ranked))


def test_compare_pairs_the_questions_and_leaves_unscored_ones_out():
    found = compare(
        [1, 1, 0, None, 1, 1],
        [0, 1, 1, 1, None, 0],
        metric="exact_match",
        strategy="rag",
        against="base",
        is_binary=True,
    )
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert found.difference.value == pytest.approx(0.25)
    assert found.test == "mcnemar"
    assert found.p_value == pytest.approx(1.0)
    assert compare([1, None], [1, 0], metric="m", strategy="a", against="b") is None


def test_wins_follow_the_direction_of_the_metric_and_the_difference_does_not():
    found = compare(
        [100.0, 90, 80],
        [200.0, 190, 170],
        metric="latency",
        strategy="a",
        against="b",
        higher_is_better=False,
    )
    assert found is not None
    assert (found.wins, found.losses) == (3, 0)
    assert found.difference.value == pytest.approx(-290 / 3)


def test_clusters_widen_the_interval_and_take_mcnemar_away():
    rng = np.random.default_rng(0)
    per_document = rng.random(20) < 0.6
    first = np.repeat(per_document, 6).astype(float)
    labels = np.repeat(np.arange(20), 6).tolist()
    free = compare(first, np.zeros(120), metric="m", strategy="a", against="b", is_binary=True)
    tied = compare(
        first, np.zeros(120), metric="m", strategy="a", against="b", is_binary=True, clusters=labels
    )
    assert free is not None
    assert tied is not None
    assert tied.test == "permutation"
    width = lambda found: found.difference.high - found.difference.low  # noqa: E731
    assert width(tied) > 2 * width(free)
    assert tied.detectable is not None
    assert free.detectable is not None
    assert tied.detectable > 2 * free.detectable


def test_one_label_per_question_changes_nothing():
    scores = [1.0, 0, 1, 1, 0, 1, 1, 1]
    free = compare(scores, [0.0] * 8, metric="m", strategy="a", against="b", is_binary=True)
    assert free == compare(
        scores, [0.0] * 8, metric="m", strategy="a", against="b", is_binary=True, clusters=list(range(8))
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_swapping_the_strategies_mirrors_the_comparison(pairs):
    first, second = zip(*pairs, strict=True)
    one = compare(first, second, metric="m", strategy="a", against="b", resamples=200)
    other = compare(second, first, metric="m", strategy="b", against="a", resamples=200)
    assert one is not None
    assert other is not None
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.p_value == pytest.approx(other.p_value, abs=1e-9)
    assert one.difference.low - 1e-9 <= one.difference.value <= one.difference.high + 1e-9


def test_a_difference_is_shown_only_when_test_and_interval_agree():
    def comparison(p, low):
        return Comparison("m", "a", "b", Interval(0.1, low, 0.2), p, p, 1, 1, 1, "permutation")

    assert is_difference_shown(comparison(0.01, 0.05))
    assert not is_difference_shown(comparison(0.2, 0.05))
    assert not is_difference_shown(comparison(0.01, -0.05))
    assert not is_difference_shown(adjust([comparison(0.03, 0.05)] * 2)[0])
