from __future__ import annotations

import pytest

from knowhow.advisor.answers import Answers, Change, Goal, Sensitivity, Tri
from knowhow.advisor.assumptions import apply_costs, default_assumptions
from knowhow.advisor.costs import (
    DAYS_PER_MONTH,
    HORIZON_MONTHS,
    CostModel,
    break_even_queries,
    estimate_costs,
    find_value_flip,
)
from knowhow.errors import ConfigError

CASE = Answers(Goal.BOTH, Change.STATIC, Tri.NO, 1_000, volume=1_000, corpus_tokens=2_000_000)


def by_name(report):
    return {item.strategy: item for item in report.strategies}


def test_cost_of_one_query_by_hand():
    # likely: prompt 40 + 250 + 1200 = 1490 tokens at 0.5 and 150 answer tokens at 2 per million, search 0.01 per 1,000,
    # embedding 40 tokens at 0.02 per million.
    expected = (1490 * 0.5 + 150 * 2) / 1e6 + 0.01 / 1000 + 40 * 0.02 / 1e6
    assert CostModel(CASE, default_assumptions()).query("rag", "likely") == pytest.approx(expected)
    assert by_name(estimate_costs(CASE))["rag"].per_thousand.likely == pytest.approx(1000 * expected)


def test_cost_of_one_query_on_an_own_machine_by_hand():
    own = Answers(Goal.BOTH, examples=1_000, sensitivity=frozenset({Sensitivity.ON_PREMISE}))
    model = CostModel(own, default_assumptions())
    assert model.assumptions.billing == "machine"
    # a trained model: 40 + 40 prompt tokens at 6,000 a second, 150 answer tokens at 500 a second, 1.5 an hour at a quarter in use
    seconds = 80 / 6000 + 150 / 500
    assert model.query("finetuned", "likely") == pytest.approx(seconds / 3600 * 1.5 / 0.25)


def test_a_machine_costs_its_hours_even_when_idle():
    own = Answers(Goal.BEHAVIOUR, volume=1, examples=1_000, offline=Tri.YES)
    report = estimate_costs(own)
    assert by_name(report)["few_shot"].monthly.likely >= 730 * 1.5


def test_upfront_by_hand():
    # likely: 12 hours of prompts, 60 of training at 70, no missing labels, 0.7 hours times 4 runs at 1.5
    model = CostModel(CASE, default_assumptions())
    assert model.upfront("finetuned", "likely") == pytest.approx(72 * 70 + 0.7 * 4 * 1.5)
    fewer = CostModel(Answers(Goal.BOTH, examples=400), default_assumptions())
    assert fewer.labels("likely") == 600 * 3


def test_ranges_are_ordered_for_every_strategy_and_figure():
    for answers in (CASE, Answers(Goal.KNOWLEDGE, Change.FAST, corpus_tokens=3_000), Answers(Goal.BEHAVIOUR)):
        for item in estimate_costs(answers).strategies:
            for amount in (item.per_thousand, item.upfront, item.monthly):
                assert 0 < amount.low <= amount.likely <= amount.high


def test_changing_facts_make_answering_from_weights_dearer_and_nothing_else():
    slow, fast = (
        by_name(estimate_costs(Answers(Goal.KNOWLEDGE, change, examples=1_000)))
        for change in (Change.STATIC, Change.FAST)
    )
    assert fast["finetuned"].monthly.likely > 3 * slow["finetuned"].monthly.likely
    assert fast["finetuned_rag"].monthly.likely == pytest.approx(
        slow["finetuned_rag"].monthly.likely, rel=0.01
    )


def test_curve_starts_at_the_upfront_cost_and_grows_by_the_month():
    report = estimate_costs(CASE)
    for item in report.strategies:
        points = report.curve[item.strategy]
        assert len(points) == HORIZON_MONTHS + 1
        assert points[0] == item.upfront.likely
        assert points[12] == pytest.approx(item.upfront.likely + 12 * item.monthly.likely)


def test_curves_cross_where_the_report_says():
    busy = Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 2_000, volume=2_000_000)
    report = estimate_costs(busy)
    crossing = next(
        item
        for item in report.crossings
        if {item.dearer_start, item.cheaper_start} == {"few_shot", "finetuned"}
    )
    assert crossing.dearer_start == "finetuned"
    assert crossing.month is not None
    costs = by_name(report)

    def total(name):
        return costs[name].upfront.likely + crossing.month * costs[name].monthly.likely

    assert total("finetuned") == pytest.approx(total("few_shot"))


def test_break_even_volume_is_where_both_cost_the_same_over_the_horizon():
    report = estimate_costs(Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 2_000))
    crossing = next(
        item
        for item in report.crossings
        if {item.dearer_start, item.cheaper_start} == {"few_shot", "finetuned"}
    )
    model = CostModel(Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 2_000), default_assumptions())

    def total(name):
        return model.upfront(name, "likely") + HORIZON_MONTHS * model.monthly(
            name, "likely", crossing.queries_per_month
        )

    assert total("finetuned") == pytest.approx(total("few_shot"))


def test_published_break_even():
    assert break_even_queries(1_000, 0.03) == pytest.approx(33_333, abs=1)
    assert break_even_queries(1_000, 0.0) is None


def test_value_flip_is_where_the_extra_cost_equals_the_extra_worth():
    report = estimate_costs(CASE)
    flip = find_value_flip(report, "finetuned_rag", "rag", 4)
    costs = by_name(report)
    queries = 1_000 * DAYS_PER_MONTH * HORIZON_MONTHS
    extra = sum(
        sign * (costs[name].upfront.likely + HORIZON_MONTHS * costs[name].monthly.likely)
        for name, sign in (("finetuned_rag", 1), ("rag", -1))
    )
    assert flip.value * 0.04 * queries == pytest.approx(extra)
    assert find_value_flip(report, "few_shot", "finetuned_rag", 4).value is None
    assert find_value_flip(report, "finetuned_rag", "rag", 0).value is None


def test_costs_override_a_number_a_range_and_words():
    changed = apply_costs(
        default_assumptions(),
        {"currency": "cny", "label_price": 2, "retrieved_tokens": [100, 200, 300], "is_remote": True},
    )
    assert changed.currency == "CNY"
    assert changed.items["label_price"].likely == 2
    assert changed.items["label_price"].origin == "set"
    assert [changed.get("retrieved_tokens", level) for level in ("low", "likely", "high")] == [100, 200, 300]
    assert changed.items["answer_tokens"].origin == "assumed"


def test_measured_values_are_marked():
    changed = apply_costs(default_assumptions(), {"retrieved_tokens": 812.5}, origin="measured")
    assert changed.items["retrieved_tokens"].origin == "measured"
    assert CostModel(CASE, changed).input_tokens("rag", "high") == 100 + 800 + 812.5


@pytest.mark.parametrize(
    ("costs", "word"),
    [
        ({"lable_price": 1}, "label_price"),
        ({"label_price": -1}, "label_price"),
        ({"label_price": [1, 2]}, "three"),
        ({"label_price": True}, "label_price"),
        ({"decode_rate": 0}, "greater than 0"),
        ({"billing": "gold"}, "machine"),
        ({"currency": "dollars"}, "currency"),
    ],
)
def test_wrong_costs_are_named(costs, word):
    with pytest.raises(ConfigError, match=word):
        apply_costs(default_assumptions(), costs)


def test_every_assumption_changes_some_cost():
    # A constant that changes nothing would be a lie in the table.
    for key, item in default_assumptions().items.items():
        changed = apply_costs(default_assumptions(), {key: [item.low * 2, item.likely * 2, item.high * 2]})
        cases = [CASE, Answers(Goal.BOTH, examples=0, offline=Tri.YES, volume=50_000_000)]
        assert any(
            estimate_costs(case, changed).strategies != estimate_costs(case).strategies for case in cases
        ), key
