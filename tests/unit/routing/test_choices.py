"""Choices from outcomes: leads shrink with few questions, the margin holds, and retrieval goes where it does not help."""

from __future__ import annotations

import pytest

from knowhow.routing.choices import Estimate, choose, estimate, rank_overall
from knowhow.types import Traits

TRAITS = {
    "base": Traits(),
    "rag": Traits(retrieves=True, cites=True, is_live=True),
    "raft": Traits(retrieves=True, learns=True, cites=True, is_live=True),
}


def test_the_ranking_counts_only_questions_that_all_were_scored_on() -> None:
    outcomes = {"base": [1.0, None, 0.0], "rag": [0.0, 1.0, 1.0], "raft": [1.0, 0.0, 1.0]}
    assert rank_overall(outcomes, ["base", "rag", "raft"]) == ["raft", "base", "rag"]


def test_means_are_by_intent_and_the_fallback_leads_itself_by_nothing() -> None:
    outcomes = {"base": [1.0, 1.0, 0.0, 0.0], "rag": [0.0, 0.0, 1.0, 1.0]}
    found = estimate(outcomes, ["a", "a", "b", "b"], ["base", "rag"], "rag")
    assert {item.strategy: item.mean for item in found["a"]} == {"base": 1.0, "rag": 0.0}
    assert {item.strategy: item.lead for item in found["b"]} == {"base": pytest.approx(-1.0), "rag": 0.0}
    # Nothing varies inside the intents, so the whole difference between them is real and nothing shrinks.
    assert found["a"][0] == Estimate("base", 1.0, pytest.approx(1.0), 2)


def test_chance_between_intents_shrinks_to_the_overall_lead() -> None:
    # Both intents have the same mean lead of 0, with much variation inside: the small difference of 'b' is taken for chance.
    outcomes = {"base": [1, 0, 1, 0, 1, 0, 1, 0.2], "rag": [0, 1, 0, 1, 0, 1, 0, 1.0]}
    found = estimate(outcomes, ["a"] * 4 + ["b"] * 4, ["base", "rag"], "rag")
    leads = {intent: next(e.lead for e in items if e.strategy == "base") for intent, items in found.items()}
    assert leads["a"] == leads["b"] == pytest.approx(0.2 / 8)


def test_shrinking_against_hand_computed_values() -> None:
    # Leads of base over rag: a = (1, 0.5), b = (-0.5, -1). Overall 0; within = 0.25 / 2 = 0.125; among = 2 * (0.75² * 2) = 2.25;
    # effective size 2, between = (2.25 - 0.125) / 2 = 1.0625; share = 1.0625 / (1.0625 + 0.0625) = 0.9444.
    outcomes = {"base": [1.0, 0.5, 0.0, 0.0], "rag": [0.0, 0.0, 0.5, 1.0]}
    found = estimate(outcomes, ["a", "a", "b", "b"], ["base", "rag"], "rag")
    assert found["a"][0].lead == pytest.approx(0.75 * 1.0625 / 1.125)


@pytest.mark.parametrize(
    ("estimates", "fallback", "wanted", "why"),
    [
        ([Estimate("raft", 0.8, 0.2, 9), Estimate("rag", 0.6, 0.0, 9)], "rag", "raft", "0.80"),
        (
            [Estimate("raft", 0.61, 0.01, 9), Estimate("rag", 0.6, 0.0, 9)],
            "rag",
            "rag",
            "no other strategy leads",
        ),
        ([Estimate("raft", 1.0, 0.4, 3), Estimate("rag", 0.6, 0.0, 3)], "rag", "rag", "only 3 questions"),
        ([], "rag", "rag", "nothing was measured"),
        ([Estimate("base", 0.6, 0.0, 9), Estimate("rag", 0.6, 0.0, 9)], "rag", "base", "does not help"),
        ([Estimate("rag", 0.6, 0.0, 9), Estimate("base", 0.59, -0.01, 9)], "rag", "rag", "no other strategy"),
        ([Estimate("base", 0.6, 0.0, 9), Estimate("raft", 0.6, 0.0, 9)], "base", "base", "no other strategy"),
    ],
)
def test_leaving_the_fallback(estimates: list[Estimate], fallback: str, wanted: str, why: str) -> None:
    strategy, reason = choose(estimates, fallback, TRAITS, margin=0.02, least=5)
    assert strategy == wanted
    assert why in reason
