"""Gates of trained strategies: a closed one is never recommended, an overruled one may be, and the report says which and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.unit.evaluation.experiments import PLAIN, RETRIEVES, make_arm, make_examples, make_plan

from knowhow.evaluation.admission import MARGIN
from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.arms import Arm, Goal, Prices
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.report import print_report, report_to_json, write_report
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import load_run
from knowhow.types import Gate, Traits

EXAMPLES = make_examples(300)
TRAINED = replace(RETRIEVES, learns=True)
CLOSED = Gate("general_skill", False, "It forgot to count.", "Train less.", value=0.2, limit=0.5, before=0.65)
OPEN = Gate("leakage", True, "Nothing leaked.")
REPORTED = Gate("refusals", False, "Refused 0.52, now 0.17.", is_required=False, value=0.17)


def arm(name: str, accuracy: float, traits: Traits = PLAIN, **options: Any) -> Arm:
    return make_arm(name, EXAMPLES, accuracy, traits, **options)


def compare(folder: Path, *arms: Arm, gates: Mapping[str, tuple[Gate, ...]], **options: Any) -> Report:
    plan = make_plan(folder, EXAMPLES, arms, measure_gates=lambda record: gates, **options)
    return build_report(run_experiment(plan), plan.metrics)


def test_a_trained_strategy_with_open_gates_is_recommended(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("rag", 0.4, RETRIEVES), arm("raft", 0.8, TRAINED)]
    report = compare(tmp_path, *arms, gates={"raft": (OPEN, REPORTED)})
    assert (report.recommendation.strategy, report.recommendation.is_decided) == ("raft", True)
    assert [gate.name for gate in report.gates["raft"]] == [MARGIN, "leakage", "refusals"]
    margin = report.gates["raft"][0]
    assert margin.passed
    assert margin.value is not None
    assert 0.1 < margin.value < 0.4
    assert "rag" not in report.gates


def test_a_closed_gate_rules_out_and_says_what_to_do(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("rag", 0.4, RETRIEVES), arm("raft", 0.8, TRAINED)]
    report = compare(tmp_path, *arms, gates={"raft": (OPEN, CLOSED)})
    advice = report.recommendation
    assert advice.strategy == "rag"
    told = next(reason for reason in advice.reasons if reason.startswith("raft is ruled out"))
    for part in ("general_skill", "It forgot to count.", "Train less.", "[training] overrule"):
        assert part in told
    assert "raft" not in advice.headline


def test_an_overruled_gate_opens_the_way_and_stays_visible(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("rag", 0.4, RETRIEVES), arm("raft", 0.8, TRAINED)]
    settings = {"training": {"overrule": ["general_skill"]}}
    report = compare(tmp_path, *arms, gates={"raft": (CLOSED,)}, settings=settings)
    assert report.recommendation.strategy == "raft"
    gate = report.gates["raft"][1]
    assert (gate.passed, gate.is_overruled, gate.is_open) == (False, True, True)


def test_what_is_not_shown_to_beat_retrieval_is_not_chosen_although_it_is_cheaper(tmp_path: Path) -> None:
    # Equal answers, but the trained one costs fewer tokens: without the gate it would be recommended.
    arms = [
        arm("base", 0.2),
        arm("few_shot", 0.6, prompt_tokens=900),
        arm("finetuned", 0.6, Traits(learns=True)),
    ]
    prices = Prices(currency="EUR", prompt_per_million=1.0)
    report = compare(tmp_path, *arms, gates={"finetuned": (OPEN,)}, prices=prices)
    assert report.recommendation.strategy == "few_shot"
    assert "finetuned, cheaper to run and keep, is not shown to be worth" in report.recommendation.headline
    assert "not shown to beat few_shot" in report.gates["finetuned"][0].reason


def test_without_anything_untrained_beside_it_nothing_is_proved(tmp_path: Path) -> None:
    report = compare(tmp_path, arm("raft", 0.8, TRAINED), gates={"raft": (OPEN,)})
    advice = report.recommendation
    assert not advice.is_decided
    assert "knowhow compare --strategies base,rag,raft" in advice.headline


def test_rivals_that_break_a_limit_need_not_be_beaten(tmp_path: Path) -> None:
    arms = [arm("base", 0.9), arm("raft", 0.8, TRAINED)]
    report = compare(tmp_path, *arms, gates={"raft": (OPEN,)}, goal=Goal(citations=True))
    assert report.gates["raft"][0].reason == "No strategy without training keeps the limits of [goal]."
    assert report.recommendation.strategy == "raft"


@pytest.mark.parametrize("accuracy", [0.4, 0.05])
def test_a_trained_strategy_that_does_not_beat_all_has_no_margin(tmp_path: Path, accuracy: float) -> None:
    arms = [arm("base", 0.2), arm("rag", 0.4, RETRIEVES), arm("raft", accuracy, TRAINED)]
    report = compare(tmp_path, *arms, gates={"raft": (OPEN,)})
    assert not report.gates["raft"][0].passed
    assert report.recommendation.strategy == "rag"


def test_gates_stand_in_every_report_and_survive_on_disk(tmp_path: Path) -> None:
    arms = [arm("base", 0.2), arm("raft", 0.8, TRAINED)]
    report = compare(tmp_path, *arms, gates={"raft": (CLOSED, REPORTED)})
    folder = tmp_path / "runs" / report.id
    assert load_run(folder).gates == {"raft": (CLOSED, REPORTED)}
    page = write_report(report, folder).read_text()
    assert "Gates of what was trained" in page
    assert "It forgot to count. Train less." in page
    assert "It forgot to count" in (folder / "report.md").read_text()
    assert report_to_json(report)["gates"]["raft"][1]["name"] == "general_skill"
    console = Console(width=100, record=True, file=StringIO())
    print_report(report, console)
    text = " ".join(console.export_text().split())
    assert "raft: closed by general_skill." in text
    assert "raft, refusals reported: Refused 0.52, now 0.17." in text
