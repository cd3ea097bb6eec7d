"""The test between champion and challenger: hand-computed blocks, error rates, and that nothing depends on when one looks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.traffic.assignment import choose_arm, name_unit
from knowhow.traffic.trial import LOST, RUNNING, UNDECIDED, WON, Outcome, Plan, describe, judge

PLAN = Plan("rating", 0.5)


def outcomes(*values: tuple[str, float]) -> list[Outcome]:
    """Outcomes of units u0, u1, ... by arm letter: c(hampion) or n(ew)."""
    arms = {"c": "champion", "n": "challenger"}
    return [Outcome(f"u{place}", arms[arm], "rating", value) for place, (arm, value) in enumerate(values)]


def draw(
    generator: np.random.Generator, share: float, champion: float, challenger: float, total: int
) -> Iterator[Outcome]:
    for place in range(total):
        arm, mean = ("challenger", challenger) if generator.random() < share else ("champion", champion)
        yield Outcome(f"u{place}", arm, "rating", float(generator.random() < mean))


def test_blocks_by_hand() -> None:
    # c1 c0 n1 -> 1 - 0.5; n0 n0 c1 -> 0 - 1; n1 waits for a champion's outcome.
    result = judge(PLAN, outcomes(("c", 1), ("c", 0), ("n", 1), ("n", 0), ("n", 0), ("c", 1), ("n", 1)))
    assert result.blocks == 2
    assert result.difference is not None
    assert result.difference.value == pytest.approx((0.5 - 1.0) / 2)
    assert (result.champion.conversations, result.champion.mean) == (3, pytest.approx(2 / 3))
    assert (result.challenger.conversations, result.challenger.mean) == (4, 0.5)
    assert result.state == RUNNING


def test_capital_by_hand() -> None:
    # One block of +1: each stake s grows to 1 + s, so the capital is 1 + the mean stake.
    stakes = np.geomspace(0.02, 0.95, 24)
    result = judge(PLAN, outcomes(("c", 0), ("n", 1)))
    assert result.evidence == pytest.approx(1 + stakes.mean())
    # The highest so far counts, and it began at 1.
    assert result.counterevidence == 1.0


def test_only_the_first_outcome_of_a_conversation_counts() -> None:
    first = Outcome("u", "challenger", "rating", 1.0)
    crowd = [first, *(Outcome("u", "challenger", "rating", 0.0) for _ in range(50))]
    other = [Outcome("u", "challenger", "grounding", 0.2)]
    result = judge(PLAN, [*other, *crowd, Outcome("v", "champion", "rating", 0.0)])
    assert (result.challenger.conversations, result.challenger.mean) == (1, 1.0)


def test_pairs_in_shadow_mode_belong_to_one_question() -> None:
    plan = Plan("grounding", 0.5, is_shadow=True)
    found = [
        Outcome("a", "champion", "grounding", 0.4),
        Outcome("b", "challenger", "grounding", 0.9),
        Outcome("a", "challenger", "grounding", 0.7),
        Outcome("c", "champion", "grounding", 0.1),
        Outcome("b", "champion", "grounding", 0.8),
    ]
    result = judge(plan, found)
    assert result.blocks == 2
    assert result.difference is not None
    assert result.difference.value == pytest.approx((0.3 + 0.1) / 2)


def test_a_better_challenger_wins_and_a_worse_one_loses() -> None:
    generator = np.random.default_rng(1)
    better = list(draw(generator, 0.5, 0.5, 0.85, 600))
    assert judge(PLAN, better).state == WON
    worse = list(draw(generator, 0.5, 0.85, 0.5, 600))
    assert judge(PLAN, worse).state == LOST


def test_a_decision_stays_whatever_comes_later() -> None:
    better = list(draw(np.random.default_rng(2), 0.5, 0.4, 0.9, 400))
    later = [
        Outcome(f"later{n}", ("champion", "challenger")[n % 2], "rating", float(n % 2 == 0))
        for n in range(400)
    ]
    assert judge(PLAN, better).state == WON
    assert judge(PLAN, [*better, *later]).state == WON


def test_it_ends_undecided_when_both_sides_are_full() -> None:
    plan = Plan("rating", 0.5, conversations=10)
    even = outcomes(*[("cn"[n % 2], float(n % 4 < 2)) for n in range(20)])
    assert judge(plan, even[:-1]).state == RUNNING
    assert judge(plan, even).state == UNDECIDED


def test_a_margin_asks_for_more_or_for_less() -> None:
    equal = list(draw(np.random.default_rng(3), 0.5, 0.7, 0.7, 2000))
    assert judge(PLAN, equal).state == RUNNING
    assert judge(Plan("rating", 0.5, margin=-0.15), equal).state == WON
    better = list(draw(np.random.default_rng(4), 0.5, 0.6, 0.8, 1200))
    assert judge(PLAN, better).state == WON
    assert judge(Plan("rating", 0.5, margin=0.2), better).state != WON


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_false_promotions_stay_below_the_stated_error(share: float) -> None:
    generator = np.random.default_rng(5)
    plan = Plan("rating", share, alpha=0.1)
    won = sum(
        judge(plan, draw(generator, share, 0.6, 0.6, 300), has_interval=False).state == WON
        for _ in range(300)
    )
    # Binomial with 10 % would exceed 45 of 300 once in a thousand.
    assert won <= 45


def test_the_interval_holds_the_truth_at_every_look() -> None:
    generator = np.random.default_rng(6)
    missed = 0
    for _ in range(25):
        found = list(draw(generator, 0.5, 0.5, 0.6, 240))
        for end in (40, 120, 240):
            spread = judge(Plan("rating", 0.5, alpha=0.1), found[:end]).difference
            if spread is not None and not spread.low <= 0.1 <= spread.high:
                missed += 1
                break
    assert missed <= 6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("cn"), st.floats(0, 1)), max_size=40))
def test_results_are_always_in_range(values: list[tuple[str, float]]) -> None:
    result = judge(PLAN, outcomes(*values))
    assert result.evidence >= 0
    assert math.isfinite(result.counterevidence)
    if result.difference is not None:
        assert -1 <= result.difference.low <= result.difference.value <= result.difference.high <= 1
    assert describe(result, PLAN).endswith(".")


def test_assignment_is_sticky_and_takes_its_share() -> None:
    units = [name_unit("secret", "ada", f"question {number}") for number in range(4000)]
    share = [choose_arm("c1", unit, 0.2) for unit in units].count("challenger") / len(units)
    # Four standard deviations of a binomial.
    assert abs(share - 0.2) < 0.026
    assert [choose_arm("c1", unit, 0.2) for unit in units] == [choose_arm("c1", unit, 0.2) for unit in units]
    kept = [unit for unit in units if choose_arm("c1", unit, 0.2) == "challenger"]
    assert all(choose_arm("c1", unit, 0.5) == "challenger" for unit in kept)
    assert [choose_arm("c1", unit, 0.5) for unit in units] != [choose_arm("c2", unit, 0.5) for unit in units]
    assert all(choose_arm("c1", unit, 0.0) == "champion" for unit in units)


def test_units_tell_nothing_without_the_secret() -> None:
    assert name_unit("a", "ada", "Why?") != name_unit("b", "ada", "Why?")
    assert name_unit("a", "ada", "Why?") != name_unit("a", "adaW", "hy?")
    assert name_unit("a", "ada", "Why  not?") == name_unit("a", "ada", "Why not?")
