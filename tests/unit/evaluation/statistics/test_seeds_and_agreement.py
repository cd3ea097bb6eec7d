import numpy as np
import pytest

from knowhow.evaluation.statistics import cohen_kappa, compare_over_seeds, mean_interval, mean_over_seeds


def test_kappa_by_hand():
    # 20 items: both yes 9, both no 6, 3 and 2 apart: observed .75, chance .6 * .55 + .4 * .45 = .51.
    first = ["yes"] * 9 + ["no"] * 6 + ["yes"] * 3 + ["no"] * 2
    second = ["yes"] * 9 + ["no"] * 6 + ["no"] * 3 + ["yes"] * 2
    found = cohen_kappa(first, second)
    assert found.value == pytest.approx((0.75 - 0.51) / (1 - 0.51))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 0], [1, 0], 1.0), ([1, 0], [0, 1], -1.0), ([1, 1], [1, 1], 0.0), ([], [], 0.0)],
)
def test_kappa_at_the_edges(first, second, expected):
    assert cohen_kappa(first, second, resamples=50).value == pytest.approx(expected)


def test_kappa_needs_the_same_items():
    with pytest.raises(ValueError, match="same items"):
        cohen_kappa([1], [1, 0])


def test_one_seed_is_the_t_interval_over_questions():
    scores = np.random.default_rng(0).random(40)
    assert mean_over_seeds([scores]).mean == mean_interval(scores, method="t")


def test_seeds_that_differ_widen_the_interval():
    rng = np.random.default_rng(1)
    questions = rng.normal(0.5, 0.2, 100)
    same = mean_over_seeds(np.stack([questions] * 3))
    apart = mean_over_seeds(np.stack([questions - 0.1, questions, questions + 0.1]))
    assert same.seed_deviation == 0.0
    assert apart.seed_deviation == pytest.approx(0.1)
    assert apart.mean.high - apart.mean.low > 2 * (same.mean.high - same.mean.low)


def test_coverage_with_both_sources_of_variance():
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        scores = (
            0.4
            + 0.05 * rng.normal(size=(3, 1))
            + 0.3 * rng.normal(size=(1, 80))
            + 0.2 * rng.normal(size=(3, 80))
        )
        found = mean_over_seeds(scores).mean
        covered.append(found.low <= 0.4 <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_lucky_seed_is_no_difference():
    rng = np.random.default_rng(6)
    base = rng.random(150)
    lucky = [base + shift + 0.01 * rng.normal(size=150) for shift in (0.12, -0.02, 0.0)]
    one = compare_over_seeds([lucky[0]], [base], metric="m", strategy="finetuned", against="base")
    three = compare_over_seeds(lucky, [base], metric="m", strategy="finetuned", against="base")
    assert one is not None
    assert three is not None
    assert one.p_value < 1e-6
    assert three.p_value > 0.1
    assert three.difference.low < 0 < three.difference.high
    assert three.test == "seeds"
    assert three.detectable > one.detectable


def test_seeds_are_paired_in_order_and_unscored_questions_left_out():
    found = compare_over_seeds(
        [[1.0, 0.0, None, 1.0], [1.0, 1.0, 0.0, 0.0], [0.0] * 4],
        [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]],
        metric="m", strategy="a", against="b",
    )  # fmt: skip
    assert found is not None
    assert (found.wins, found.ties, found.losses) == (1, 1, 1)
    assert found.difference.value == pytest.approx((1 + 0 - 0.5) / 3)
    assert compare_over_seeds([[1.0, None]], [[1.0, 0.0]], metric="m", strategy="a", against="b") is None


def test_false_differences_between_seeded_arms_stay_rare():
    rng = np.random.default_rng(8)
    shown = 0
    for _ in range(400):
        questions = rng.normal(size=(1, 60)) * 0.3
        arms = [0.04 * rng.normal(size=(3, 1)) + questions + 0.2 * rng.normal(size=(3, 60)) for _ in range(2)]
        found = compare_over_seeds(*arms, metric="m", strategy="a", against="b")
        shown += found.p_value <= 0.05
    assert shown / 400 <= 0.06
