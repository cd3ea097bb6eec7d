"""The diagnosis ladder against experiments whose gaps are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.evaluation.experiments import (
    DIAGNOSTIC,
    RETRIEVES,
    make_arm,
    make_documents,
    make_examples,
    make_plan,
    right,
)

from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.arms import Prices
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.results import Report
from knowhow.evaluation.summaries import answer_cost, cost_unit, summarise_latency
from knowhow.evidence import name_documents, resolve_evidence
from knowhow.types import Answer, Evidence, Example

EXAMPLES = make_examples(200)


def diagnosed(
    folder: Path, texts: dict[str, str], *, metrics: dict | None = None, rag: float = 0.6
) -> Report:
    arms = [
        make_arm("base", EXAMPLES, 0.2),
        make_arm("rag", EXAMPLES, rag, RETRIEVES),
        make_arm("oracle", EXAMPLES, 0.8, DIAGNOSTIC),
    ]
    plan = make_plan(
        folder, EXAMPLES, arms, texts=texts, stops_early=False, metrics=metrics or {"exact_match": right}
    )
    return build_report(run_experiment(plan), plan.metrics)


def test_gaps_are_the_differences_of_the_steps(tmp_path: Path) -> None:
    report = diagnosed(tmp_path, make_documents(EXAMPLES))
    base, rag, oracle = (report.quality(name).value for name in ("base", "rag", "oracle"))
    sizes = {gap.kind: gap.size for gap in report.diagnosis.gaps}
    assert sizes == pytest.approx(
        {"knowledge": oracle - base, "retrieval": oracle - rag, "reading": 1 - oracle}
    )
    assert report.diagnosis.recall == 1.0
    assert report.diagnosis.predicted == pytest.approx(oracle)
    assert report.diagnosis.measured == pytest.approx(rag)
    assert any("passages around the right one cost answers" in note for note in report.diagnosis.notes)


def test_recall_counts_questions_whose_evidence_was_retrieved(tmp_path: Path) -> None:
    documents = make_documents(EXAMPLES)
    lost = dict(list(documents.items())[::2])
    report = diagnosed(tmp_path, lost)
    asked = {example.id for example in report.record.examples}
    kept = sum(example.evidence[0].document in lost for example in EXAMPLES if example.id in asked)
    expected = kept / len(asked)
    assert report.diagnosis.recall == pytest.approx(expected)
    assert report.diagnosis.coverage == pytest.approx(expected)
    gold, miss = report.diagnosis.score_gold, report.diagnosis.score_miss
    assert report.diagnosis.predicted == pytest.approx(expected * gold + (1 - expected) * miss)


def test_examples_of_a_gap_show_it(tmp_path: Path) -> None:
    report = diagnosed(tmp_path, make_documents(EXAMPLES))
    values = {(score.strategy, score.example_id): score.value for score in report.scores}
    gaps = {gap.kind: gap for gap in report.diagnosis.gaps}
    assert gaps["knowledge"].examples
    assert all(values["oracle", row] == 1 and values["base", row] == 0 for row in gaps["knowledge"].examples)
    assert all(values["oracle", row] == 0 for row in gaps["reading"].examples)
    # All evidence was found, so no lost answer can be retrieval's fault.
    assert gaps["retrieval"].examples == ()


def test_broken_form_under_the_oracle_is_a_behaviour_gap(tmp_path: Path) -> None:
    def form(example: Example, answer: Answer) -> float:
        return float(int(example.id[1:]) % 4 != 0)

    report = diagnosed(
        tmp_path, make_documents(EXAMPLES), metrics={"exact_match": right, "format_compliance": form}
    )
    gap = next(gap for gap in report.diagnosis.gaps if gap.kind == "behaviour")
    broken = [example for example in report.record.examples if int(example.id[1:]) % 4 == 0]
    assert gap.size == pytest.approx(len(broken) / len(report.record.examples))
    assert set(gap.examples) <= {example.id for example in broken}
    assert any("Enforce or train the form" in step for step in report.recommendation.next_steps)


def test_unanswerable_questions_stay_out_of_the_ladder(tmp_path: Path) -> None:
    examples = [
        *EXAMPLES[:100],
        *(replace(example, references=(), evidence=(), is_answerable=False) for example in EXAMPLES[100:]),
    ]
    arms = [make_arm("base", EXAMPLES, 0.0), make_arm("oracle", EXAMPLES, 1.0, DIAGNOSTIC)]
    plan = make_plan(tmp_path, examples, arms, stops_early=False)
    report = build_report(run_experiment(plan), plan.metrics)
    assert report.quality("oracle").value < 1
    assert report.diagnosis.score_gold == 1.0


def test_latency_summary_says_when_there_is_no_percentile() -> None:
    few, many = (
        summarise_latency([5.0, 1.0, 9.0, 3.0]),
        summarise_latency([float(value) for value in range(1, 201)]),
    )
    assert few is not None
    assert many is not None
    assert (few.p50, few.p99, few.mean, few.is_p99_maximum) == (4.0, 9.0, 4.5, True)
    assert (many.p50, many.p99, many.is_p99_maximum) == (100.5, 198.0, False)
    assert summarise_latency([]) is None


def test_answer_costs() -> None:
    tokens = Prices(currency="EUR", prompt_per_million=2.0, completion_per_million=10.0)
    assert answer_cost(tokens, 1000, 100, 5.0) == pytest.approx(0.003)
    assert answer_cost(Prices(machine_per_hour=3.6), 1000, 100, 5.0) == pytest.approx(0.005)
    assert answer_cost(Prices(), 1000, 100, 5.0) == 5.0
    assert (cost_unit(tokens), cost_unit(Prices())) == ("EUR", "machine seconds")


def test_evidence_is_named_by_document_id() -> None:
    names = name_documents(
        [("a/x.md", "a/x.md"), ("b/x.md", "b/x.md"), ("t.jsonl#r1", "t.jsonl"), ("t.jsonl#r2", "t.jsonl")]
    )
    cases = {"a/x.md": "a/x.md", "x.md": "x.md", "r1": "t.jsonl#r1", "t.jsonl": "t.jsonl", "zz": "zz"}
    for name, expected in cases.items():
        example = Example("1", "q", ("a",), (Evidence(name, "quote"),))
        assert resolve_evidence([example], names)[0].evidence == (Evidence(expected, "quote"),)
