"""Routing in an experiment with known truth: it pays where strategies differ by intent, not where they do not, and nothing leaks."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.unit.evaluation.experiments import DIAGNOSTIC, PLAIN, RETRIEVES, make_plan, pipeline_of, right

from knowhow import registry
from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.arms import Arm, ExperimentPlan, Goal
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.report import print_report, render_html, render_markdown, report_to_json
from knowhow.evaluation.results import Report
from knowhow.evaluation.routing import cross_route, divide, join_traits
from knowhow.evaluation.runs import RunRecord, load_run
from knowhow.evaluation.splits import label_clusters
from knowhow.testing.strategies import KnownPipeline, KnownStrategy
from knowhow.types import Evidence, Example, Recognition, Route, Traits

INTENTS = ("prices", "faults")
TRAITS = {"scripted_prices": RETRIEVES, "scripted_faults": PLAIN}
SCRIPTS: dict[str, KnownPipeline] = {}
"""What the stand-ins below answer; a routed pipeline builds its strategies by name, so they are registered."""


def make_scripted(name: str, traits: Traits) -> KnownStrategy:
    strategy = KnownStrategy(SCRIPTS[name], retrieves=traits.retrieves)
    strategy.traits = traits  # type: ignore[attr-defined]
    return strategy


@pytest.fixture(autouse=True)
def _scripted_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    SCRIPTS.clear()
    registry.names("strategy")
    for name, traits in TRAITS.items():
        monkeypatch.setitem(registry._parts["strategy"], name, partial(make_scripted, name, traits))


def make_examples(count: int = 120) -> tuple[Example, ...]:
    words = {"prices": "tariff invoice", "faults": "blinking restart"}
    return tuple(
        Example(
            f"e{number:04d}",
            " ".join(
                [*words[INTENTS[number % 2]].split(), *(f"u{number * 7919 + place}" for place in range(3))]
            ),
            (f"code {number * 31}",),
            (Evidence(f"d{number:04d}"),),
            intent=INTENTS[number % 2],
        )
        for number in range(count)
    )


def make_arms(examples: tuple[Example, ...], knows: dict[str, tuple[str, ...]], **options: Any) -> list[Arm]:
    """Arms that are right on the intents they know, and a routing arm."""
    arms = []
    for name, traits in TRAITS.items():
        answers = {item.question: item.references[0] for item in examples if item.intent in knows[name]}
        SCRIPTS[name] = KnownPipeline(answers, 1.0)
        arms.append(
            Arm(name, registry.build("strategy", name), f"digest of {name} {sorted(answers)}", traits)
        )
    routed = registry.build("strategy", "routed", {"confidence": 0.5, **options})
    return [*arms, Arm("routed", routed, f"digest of routing {options}", routed.traits)]


def run(plan: ExperimentPlan) -> tuple[RunRecord, Report]:
    record = run_experiment(plan)
    return record, build_report(record, {"exact_match": right})


SPECIALISTS = {"scripted_prices": ("prices",), "scripted_faults": ("faults",)}


def test_routing_pays_where_each_strategy_knows_its_own_intent(tmp_path: Path) -> None:
    examples = make_examples()
    record, report = run(make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS)))
    assert report.routing is not None
    assert report.quality("routed").value == pytest.approx(1.0)  # type: ignore[union-attr]
    assert report.routing.oracle_value == pytest.approx(1.0)
    assert report.routing.pays
    assert report.recommendation.strategy == "routed"
    assert report.routing.verdict.startswith("Routing pays: ")
    assert report.routing.accuracy == pytest.approx(1.0)
    assert {(item.intent, item.strategy) for item in report.routing.intents} == {
        ("prices", "scripted_prices"),
        ("faults", "scripted_faults"),
    }
    answer = next(iter(record.answers["routed"].values()))
    assert answer.notes[0].startswith("Routed to scripted_")
    assert answer.timings_ms["route"] > 0


def test_nobody_is_asked_for_routing_but_to_time_it(tmp_path: Path) -> None:
    examples = make_examples()
    plan = make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS), latency_calls=0)
    record, _ = run(plan)
    for arm in plan.arms[:2]:
        assert sorted(pipeline_of(arm).asked) == sorted(item.question for item in record.examples)


def test_the_report_says_when_routing_does_not_pay(tmp_path: Path) -> None:
    examples = make_examples()
    knows = {"scripted_prices": INTENTS, "scripted_faults": ("faults",)}
    _, report = run(make_plan(tmp_path, examples, make_arms(examples, knows)))
    assert report.routing is not None
    assert not report.routing.pays
    assert "use scripted_prices alone" in report.routing.verdict
    assert report.recommendation.strategy == "scripted_prices"
    assert any("simpler to keep" in reason for reason in report.recommendation.reasons)


def test_strategies_that_differ_by_chance_only_gain_nothing_shown(tmp_path: Path) -> None:
    examples = make_examples(200)
    arms = make_arms(examples, {"scripted_prices": INTENTS, "scripted_faults": INTENTS})
    for arm, salt in zip(arms, ("one", "two"), strict=False):
        pipeline = pipeline_of(arm)
        pipeline.accuracy, pipeline.salt = 0.5, salt
    _, report = run(make_plan(tmp_path, examples, arms))
    assert report.routing is not None
    # The oracle picks the luckier of two coins; no honest router can.
    assert report.routing.oracle_value > 0.65
    assert abs(report.routing.routed_value - 0.5) < 0.13
    assert not report.routing.pays


class Memory:
    """A router that cheats if it can: it sends a question to the strategy that was right on that very question."""

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self.known = known or {}

    def recognise(self, queries: Any) -> list[Recognition]:
        raise AssertionError("not asked")

    def learn(self, recognised: Any, outcomes: Any) -> Memory:
        return Memory(
            {
                item.intent: max(outcomes, key=lambda name: outcomes[name][place])
                for place, item in enumerate(recognised)
            }
        )

    def decide(self, recognised: Any) -> list[Route]:
        return [Route(self.known.get(item.intent, "unseen"), item.intent, 1.0, "") for item in recognised]

    def reachable(self) -> list[str]:
        return []


def test_no_question_sees_its_own_outcome_nor_that_of_its_cluster() -> None:
    examples = [
        Example(f"e{number}", f"question {number}", evidence=(Evidence(f"d{number // 3}"),))
        for number in range(30)
    ]
    clusters = label_clusters(examples)
    assert len(set(clusters.values())) == 10
    folds = divide(examples, clusters)
    for one, other in zip(examples[::3], examples[1::3], strict=True):
        assert folds[examples.index(one)] == folds[examples.index(other)]
    # Intents are the clusters here, so a router that learned from any row of the cluster would know it.
    recognised = [Recognition(clusters[item.id]) for item in examples]
    outcomes: dict[str, list[float | None]] = {
        "a": [float(place % 2) for place in range(30)],
        "b": [float(place % 2 == 0) for place in range(30)],
    }
    routes = cross_route(Memory(), recognised, outcomes, folds)
    assert {route.strategy for route in routes} == {"unseen"}


def test_nothing_of_a_held_out_question_is_written_beside_the_router(tmp_path: Path) -> None:
    examples = make_examples()
    plan = make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS))
    record, _ = run(plan)
    fitted = tmp_path / "cache" / "fitted" / next(a.fitted for a in record.arms if a.name == "routed")
    content = b"".join(path.read_bytes() for path in fitted.rglob("*") if path.is_file())
    assert content
    for example in record.examples:
        assert str(example.question.split()[-1]).encode() not in content
        assert example.references[0].encode() not in content


def test_no_arm_is_given_up_while_another_routes_between_them(tmp_path: Path) -> None:
    examples = make_examples(400)
    knows = {"scripted_prices": INTENTS, "scripted_faults": ()}
    arms = make_arms(examples, knows)
    alone, _ = run(make_plan(tmp_path / "alone", examples, arms[:2]))
    assert [arm.lost_to for arm in alone.arms] == ["", "scripted_prices"]
    routed, _ = run(make_plan(tmp_path / "routed", examples, arms))
    assert [arm.lost_to for arm in routed.arms] == ["", "", ""]


@pytest.mark.parametrize("goal", [Goal(citations=True), Goal(freshness=True)])
def test_what_the_goal_rules_out_is_never_routed_to(tmp_path: Path, goal: Goal) -> None:
    examples = make_examples()
    record, report = run(make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS), goal=goal))
    routed = next(arm for arm in record.arms if arm.name == "routed")
    assert "at least two strategies" in routed.skipped
    assert report.routing is None
    assert any("routed was not measured" in limit for limit in report.limits)


def test_the_oracle_and_other_seeds_are_no_candidates(tmp_path: Path) -> None:
    examples = make_examples()
    arms = make_arms(examples, SPECIALISTS)
    oracle = Arm("oracle", arms[0].strategy, "digest of an oracle", DIAGNOSTIC)
    seeded = replace(arms[1], seed=1)
    record, _ = run(make_plan(tmp_path, examples, [*arms[:2], oracle, seeded, arms[2]]))
    assert record.routing is not None
    assert record.routing.candidates == ("scripted_prices", "scripted_faults")


def test_traits_promise_only_what_all_parts_keep() -> None:
    assert join_traits([RETRIEVES, PLAIN]) == Traits(retrieves=True)
    assert join_traits([RETRIEVES, replace(RETRIEVES, learns=True)]) == replace(RETRIEVES, learns=True)


def test_a_run_is_read_back_and_every_report_has_the_section(tmp_path: Path) -> None:
    examples = make_examples()
    record, report = run(make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS)))
    again = load_run(tmp_path / "runs" / record.id)
    assert again.routing == record.routing
    assert report_to_json(build_report(again, {"exact_match": right})) == report_to_json(report)
    value = json.loads(json.dumps(report_to_json(report)))["routing"]
    assert value["pays"] is True
    console = Console(file=io.StringIO(), width=200)
    print_report(report, console)
    for page in (render_html(report), render_markdown(report), console.file.getvalue()):  # type: ignore[attr-defined]
        assert "Routing pays: " in page
        assert "No question decided its own route" in page
        assert "faults" in page


def test_a_second_comparison_keeps_the_same_router(tmp_path: Path) -> None:
    examples = make_examples()
    plan = make_plan(tmp_path, examples, make_arms(examples, SPECIALISTS))
    first, _ = run(plan)
    second, _ = run(replace(plan, resamples=300))
    assert first.arms[2].fitted == second.arms[2].fitted
    assert first.id != second.id
