"""Advice from measured truth: limits, ties, what cannot be told, and what would turn it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.evaluation.experiments import DIAGNOSTIC, PLAIN, RETRIEVES, make_arm, make_examples, make_plan

from knowhow.errors import ConfigError, NotFoundError, PolicyError, UndecidedError
from knowhow.evaluation.analysis import build_report, expected_difference
from knowhow.evaluation.arms import Arm, Goal, Prices, parse_goal, parse_prices
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.gates import check_gates, parse_floors
from knowhow.evaluation.results import Report, StrategyResult
from knowhow.evaluation.upkeep import find_flips, monthly_cost, order_by_upkeep
from knowhow.testing.strategies import KnownStrategy
from knowhow.types import Answer, Interval, Query, Traits

EXAMPLES = make_examples(300)
# Stand-ins are too fast to cost anything, so the tests count tokens.
PRICES = Prices(currency="EUR", prompt_per_million=1.0)


def compare(folder: Path, arms: Sequence[Arm], **options: Any) -> Report:
    plan = make_plan(folder, options.pop("examples", EXAMPLES), arms, **{"prices": PRICES, **options})
    return build_report(run_experiment(plan), plan.metrics)


def arm(name: str, accuracy: float, traits: Traits = PLAIN, **options: Any) -> Arm:
    return make_arm(name, EXAMPLES, accuracy, traits, **options)


def test_a_clear_winner_is_recommended_with_its_evidence(tmp_path: Path) -> None:
    report = compare(
        tmp_path,
        [arm("base", 0.3), arm("rag", 0.7, RETRIEVES, prompt_tokens=900), arm("oracle", 0.8, DIAGNOSTIC)],
    )
    advice = report.recommendation
    assert (advice.strategy, advice.is_decided) == ("rag", True)
    assert "shown to beat base" in advice.headline
    assert any(reason.startswith("Better than base") for reason in advice.reasons)
    assert set(advice.costs) == {"base", "rag"}
    assert any(text.startswith("base: ") and "point of quality" in text for text in advice.flips_when)


def test_the_oracle_is_never_recommended(tmp_path: Path) -> None:
    report = compare(tmp_path, [arm("base", 0.2), arm("oracle", 1.0, DIAGNOSTIC)])
    assert report.recommendation.strategy == "base"
    assert "oracle" not in {side for item in report.comparisons for side in (item.strategy, item.against)}


def test_equal_strategies_are_a_tie_and_the_cheaper_wins(tmp_path: Path) -> None:
    twins = [arm("rag", 0.6, RETRIEVES, prompt_tokens=900), arm("base", 0.6)]
    advice = compare(tmp_path, twins).recommendation
    assert (advice.strategy, advice.is_decided) == ("base", True)
    assert "no other strategy is shown to be better" in advice.headline
    assert any("18.0 times as much" in reason for reason in advice.reasons)


def test_too_few_questions_for_the_difference_is_undecided(tmp_path: Path) -> None:
    examples = make_examples(60)
    arms = [
        make_arm("base", examples, 0.4, salt="one"),
        make_arm("rag", examples, 0.6, RETRIEVES, salt="two", prompt_tokens=900),
    ]
    report = compare(tmp_path, arms, examples=examples)
    advice = report.recommendation
    assert (advice.strategy, advice.is_decided) == ("undecided", False)
    assert "no difference in exact match shown" in advice.headline
    assert "more questions needed" in advice.headline
    with pytest.raises(UndecidedError, match="no difference"):
        check_gates(report, must_decide=True)
    assert any("very few" in text for text in report.limits)


def test_more_questions_decide_what_few_could_not(tmp_path: Path) -> None:
    few, many = make_examples(60, documents=False), make_examples(900, documents=False)
    for examples, is_decided in ((few, False), (many, True)):
        arms = [
            make_arm("base", examples, 0.4, salt="one"),
            make_arm("few_shot", examples, 0.6, salt="two", prompt_tokens=900),
        ]
        report = compare(tmp_path / str(len(examples)), arms, examples=examples, stops_early=False)
        assert report.recommendation.is_decided == is_decided
        assert report.detectable is not None
        assert (report.detectable < 0.2) == is_decided


@pytest.mark.parametrize(
    ("goal", "expected", "reason"),
    [
        (Goal(citations=True), "rag", "must cite"),
        (Goal(freshness=True), "rag", "follow changes"),
        (Goal(permissions=True), "rag", "cannot be withheld"),
        (Goal(max_cost_per_1000=0.5), "finetuned", "1,000 answers cost 0.9 EUR"),
        (Goal(min_quality=0.85), "finetuned", "less than the 0.85 asked for"),
        (Goal(), "finetuned", ""),
    ],
)
def test_limits_come_first(tmp_path: Path, goal: Goal, expected: str, reason: str) -> None:
    arms = [arm("rag", 0.7, RETRIEVES, prompt_tokens=900), arm("finetuned", 0.95, Traits(learns=True))]
    advice = compare(tmp_path, arms, goal=goal).recommendation
    assert advice.strategy == expected
    assert not reason or any(reason in text for text in advice.reasons)


def test_a_trained_reader_over_retrieval_keeps_permissions(tmp_path: Path) -> None:
    reader = Traits(retrieves=True, learns=True, cites=True, is_live=True)
    arms = [arm("rag", 0.4, RETRIEVES), arm("raft", 0.95, reader)]
    assert compare(tmp_path, arms, goal=Goal(permissions=True)).recommendation.strategy == "raft"


def test_latency_and_on_premise_limits(tmp_path: Path) -> None:
    arms = [arm("base", 0.3), arm("rag", 0.7, RETRIEVES, seconds=0.002)]
    assert (
        compare(
            tmp_path / "a", arms, goal=Goal(max_latency_ms=1.9), stops_early=False
        ).recommendation.strategy
        == "base"
    )
    remote = replace(PRICES, is_remote=True)
    advice = compare(tmp_path / "b", arms, goal=Goal(on_premise=True), prices=remote).recommendation
    assert advice.headline == "No measured strategy keeps every limit."
    assert not advice.is_decided


def test_answers_in_no_document_never_recommend_retrieval(tmp_path: Path) -> None:
    arms = [arm("base", 0.4), arm("rag", 0.42, RETRIEVES, salt="other"), arm("oracle", 0.4, DIAGNOSTIC)]
    report = compare(tmp_path, arms, texts={"x": "Nothing of the kind stands here."})
    assert report.recommendation.strategy == "base"
    assert any("not in the documents" in text for text in report.recommendation.reasons)
    assert report.diagnosis.coverage == 0.0
    assert any("retrieval cannot find what is not there" in text for text in report.diagnosis.notes)
    assert any("Add the documents" in text for text in report.recommendation.next_steps)


def test_a_measured_gain_outweighs_the_search_for_answers(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("rag", 0.8, RETRIEVES)]
    assert compare(tmp_path, arms, texts={"x": "Reworded."}).recommendation.strategy == "rag"


def test_refusing_everything_is_no_proof_of_answers_in_documents(tmp_path: Path) -> None:
    class Refusing:
        def answer(self, queries: Sequence[Query], on_text: object = None) -> list[Answer]:
            return [Answer("", abstained=True) for _ in queries]

    examples = [
        example if place % 2 else replace(example, references=(), evidence=(), is_answerable=False)
        for place, example in enumerate(EXAMPLES)
    ]
    rag = Arm("rag", KnownStrategy(Refusing(), retrieves=True), "digest of rag", RETRIEVES)
    arms = [make_arm("base", examples, 0.2), rag]
    report = compare(tmp_path, arms, examples=examples, texts={"x": "Nothing of the kind stands here."})
    assert report.recommendation.strategy != "rag"
    assert any("nothing to retrieve" in text for text in report.recommendation.reasons)


def test_without_documents_retrieval_cannot_help(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("few_shot", 0.7), arm("rag", 0.2, RETRIEVES)]
    report = compare(tmp_path, arms, texts={}, has_documents=False)
    assert report.recommendation.strategy == "few_shot"
    assert any("no documents to retrieve from" in text for text in report.recommendation.reasons)
    assert any("retrieval cannot help" in text for text in report.diagnosis.notes)


def test_strategies_that_answer_nothing_are_not_recommended(tmp_path: Path) -> None:
    report = compare(tmp_path, [arm("base", 0.03), arm("rag", 0.04, RETRIEVES)])
    assert report.recommendation.strategy == "undecided"
    assert "No strategy answers these questions well enough" in report.recommendation.headline


def test_gates(tmp_path: Path) -> None:
    report = compare(tmp_path, [arm("base", 0.3), arm("rag", 0.7, RETRIEVES)])
    check_gates(report, floors={"exact_match": 0.6}, must_decide=True)
    with pytest.raises(PolicyError, match=r"rag reaches exact_match 0\.\d+, but --fail-under asks for 0.95"):
        check_gates(report, floors={"exact_match": 0.95})
    with pytest.raises(NotFoundError, match="Unknown metric"):
        check_gates(report, floors={"f1": 0.5})
    assert parse_floors(["token_f1=0.6", " a = 1"]) == {"token_f1": 0.6, "a": 1.0}
    for text in ("token_f1", "=0.5", "a=b"):
        with pytest.raises(ConfigError, match="METRIC=VALUE"):
            parse_floors([text])


def test_a_given_up_strategy_is_compared_by_the_bound_that_holds_at_any_time(tmp_path: Path) -> None:
    report = compare(tmp_path, [arm("good", 0.9), arm("bad", 0.1), arm("fair", 0.85)])
    item = next(item for item in report.comparisons if item.strategy == "bad")
    assert (item.test, item.against) == ("sequential", report.strategy("bad").lost_to)
    assert item.p_adjusted <= 0.05
    assert {(pair.strategy, pair.against) for pair in report.comparisons if pair.test != "sequential"} == {
        ("good", "fair")
    }
    assert report.recommendation.strategy in {"good", "fair"}
    assert any("bad was given up after" in text for text in report.limits)


def test_the_budget_says_what_it_costs(tmp_path: Path) -> None:
    arms = [arm("base", 0.5, seconds=0.004), arm("rag", 0.5, RETRIEVES, seconds=0.004)]
    report = compare(tmp_path, arms, budget_seconds=0.5, stops_early=False)
    assert report.questions < report.record.total
    assert any("differences of about" in text and "can be shown instead of" in text for text in report.limits)
    assert report.detectable_before == pytest.approx(expected_difference(report.questions, 2))


def result(name: str, cost: float, fit: float = 0.0, *, learns: bool = False) -> StrategyResult:
    return StrategyResult(name, Traits(learns=learns), answered=10, cost_per_1000=cost, fit_cost=fit)


def test_monthly_cost_and_break_even_points() -> None:
    goal = Goal(questions_per_month=20_000, updates_per_month=4)
    rag, tuned = result("rag", 3.0), result("tuned", 1.0, 25.0, learns=True)
    assert monthly_cost(rag, goal) == 60.0
    assert monthly_cost(tuned, goal) == 20.0 + 100.0
    assert [item.name for item in order_by_upkeep([tuned, rag], goal)] == ["rag", "tuned"]
    qualities = {"rag": Interval(0.6, 0.5, 0.7), "tuned": Interval(0.5, 0.4, 0.6)}
    text = " ".join(find_flips(rag, [tuned], qualities, goal, "EUR"))
    # 3 q = 1 q + 100 at q = 50 thousand; 60 = 20 + 25 u at u = 1.6.
    assert "costs less than rag with more than 50,000 questions a month" in text
    assert "costs less than rag with fewer than 1.6 updates" in text
    assert "less than 0.2 EUR per 1,000 answers" in text


def test_weight_at_which_two_strategies_tie() -> None:
    goal = Goal(questions_per_month=1000)
    good, cheap = result("good", 10.0), result("cheap", 5.0)
    qualities = {"good": Interval(0.8, 0.8, 0.8), "cheap": Interval(0.3, 0.3, 0.3)}
    # w * 0.5 = (1 - w) * 0.5 where quality and cost each differ by a half.
    assert "less than 50% against cost" in find_flips(good, [cheap], qualities, goal, "EUR")[0]


def test_goal_and_prices_from_settings() -> None:
    assert parse_goal({"citations": True, "max_latency_ms": 900, "teams": 3}) == Goal(
        citations=True, max_latency_ms=900.0
    )
    assert parse_prices({"machine_per_hour": 2}) == Prices(machine_per_hour=2.0)
    with pytest.raises(ConfigError, match=r"\[goal\] citations must be true or false"):
        parse_goal({"citations": "yes"})
    with pytest.raises(ConfigError, match="must not be negative"):
        parse_prices({"machine_per_hour": -1})
