"""The runner: held-out rows stay unseen, nothing is asked twice, budgets and stops are even, failures stay where they happen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.evaluation.experiments import (
    DIAGNOSTIC,
    PLAIN,
    RETRIEVES,
    make_arm,
    make_examples,
    make_plan,
    pipeline_of,
)

from knowhow.errors import BackendError, DataError, NotFoundError
from knowhow.evaluation.budget import Budget, next_shard, plan_questions, spread_evenly
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.runs import find_run, load_run
from knowhow.testing.strategies import KnownPipeline, KnownStrategy, is_right
from knowhow.types import Query

EXAMPLES = make_examples(80)


def three_arms() -> list:
    return [
        make_arm("base", EXAMPLES, 0.3, PLAIN),
        make_arm("rag", EXAMPLES, 0.7, RETRIEVES),
        make_arm("oracle", EXAMPLES, 0.8, DIAGNOSTIC),
    ]


def test_answers_have_the_known_accuracy_and_the_run_reads_back_equal(tmp_path: Path) -> None:
    arms = three_arms()
    record = run_experiment(make_plan(tmp_path, EXAMPLES, arms, stops_early=False))
    assert set(record.answers) == {"base", "rag", "oracle"}
    for arm, accuracy in (("base", 0.3), ("rag", 0.7), ("oracle", 0.8)):
        assert set(record.answers[arm]) == set(record.split.held_out)
        for example in record.examples:
            is_expected = is_right(example.question, accuracy, "shared")
            assert (record.answers[arm][example.id].text == example.references[0]) == is_expected
    assert record.uncovered == ()
    assert {arm: len(times) for arm, times in record.latencies_ms.items()} == {"base": 5, "rag": 5}
    assert load_run(find_run(tmp_path / "runs")) == record
    assert find_run(tmp_path / "runs", record.id[:4]).name == record.id
    with pytest.raises(NotFoundError, match="Unknown run 'zz'"):
        find_run(tmp_path / "runs", "zz")


def test_fit_sees_training_rows_only(tmp_path: Path) -> None:
    arms = three_arms()
    record = run_experiment(make_plan(tmp_path, EXAMPLES, arms))
    for arm in arms:
        assert set(arm.strategy.fitted_on) == set(record.split.train)
        assert not set(arm.strategy.fitted_on) & set(record.split.held_out)


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    first = run_experiment(make_plan(tmp_path, EXAMPLES, three_arms()))
    arms = three_arms()
    second = run_experiment(make_plan(tmp_path, EXAMPLES, arms))
    assert [pipeline_of(arm).asked for arm in arms] == [[], [], []]
    assert replace(first, volatile={}) == replace(second, volatile={})
    other = [make_arm("rag", EXAMPLES, 0.5, RETRIEVES)]
    third = run_experiment(make_plan(tmp_path, EXAMPLES, other))
    assert third.id != first.id
    assert pipeline_of(other[0]).asked


def test_a_changed_index_asks_only_those_anew_that_look_into_it(tmp_path: Path) -> None:
    run_experiment(make_plan(tmp_path, EXAMPLES, three_arms(), stops_early=False))
    arms = three_arms()
    plan = make_plan(tmp_path, EXAMPLES, arms, index_version="2", latency_calls=0, stops_early=False)
    held_out = len(run_experiment(plan).split.held_out)
    assert [len(pipeline_of(arm).asked) for arm in arms] == [0, held_out, held_out]


def test_retrieval_is_shared_and_latency_is_not(tmp_path: Path) -> None:
    arms = [make_arm("rag", EXAMPLES, 0.7, RETRIEVES), make_arm("rag2", EXAMPLES, 0.6, RETRIEVES)]
    plan = make_plan(tmp_path, EXAMPLES, arms, stops_early=False)
    seen: list[str] = []
    inner = plan.components.retriever()

    class Counting:
        def retrieve(self, queries: list[Query], k: int) -> list:
            seen.extend(query.text for query in queries)
            return inner.retrieve(queries, k)

    plan.components.retriever = lambda encoder=None: Counting()
    record = run_experiment(plan)
    held_out = len(record.split.held_out)
    # Each question once for both arms; then each single call searches, with one warm-up call per arm.
    assert len(seen) == held_out + 2 * (5 + 1)


def test_a_raising_strategy_fails_only_where_it_raises(tmp_path: Path) -> None:
    arms = [
        make_arm("base", EXAMPLES, 1.0),
        make_arm("rag", EXAMPLES, 1.0, RETRIEVES, fails_on=lambda text: is_right(text, 0.2, "fault")),
    ]
    record = run_experiment(make_plan(tmp_path, EXAMPLES, arms, stops_early=False))
    for example in record.examples:
        answer = record.answers["rag"][example.id]
        if is_right(example.question, 0.2, "fault"):
            assert answer.error is not None
            assert "cannot answer" in answer.error
        else:
            assert (answer.error, answer.text) == (None, example.references[0])
    again = [make_arm("base", EXAMPLES, 1.0), make_arm("rag", EXAMPLES, 1.0, RETRIEVES)]
    healed = run_experiment(make_plan(tmp_path, EXAMPLES, again, stops_early=False, latency_calls=0))
    assert all(answer.error is None for answer in healed.answers["rag"].values())
    failed = {example.question for example in record.examples if record.answers["rag"][example.id].error}
    assert set(pipeline_of(again[1]).asked) == failed


def test_an_arm_that_cannot_be_built_is_left_out_with_its_reason(tmp_path: Path) -> None:
    arms = three_arms()
    broken = arms[1]
    broken.strategy.fit_error = BackendError("the documents do not fit the window")
    record = run_experiment(make_plan(tmp_path, EXAMPLES, arms))
    assert {arm.key: arm.skipped for arm in record.arms if arm.skipped} == {
        "rag": "the documents do not fit the window"
    }
    assert "rag" not in record.answers
    for arm in arms:
        arm.strategy.fit_error = BackendError("no engine")
    with pytest.raises(DataError, match=r"No strategy could be measured.*no engine"):
        run_experiment(make_plan(tmp_path / "other", EXAMPLES, arms))


def test_a_hopeless_arm_is_given_up_and_the_others_are_not(tmp_path: Path) -> None:
    examples = make_examples(400)
    arms = [
        make_arm("good", examples, 0.9),
        make_arm("bad", examples, 0.05),
        make_arm("oracle", examples, 0.02, DIAGNOSTIC),
    ]
    record = run_experiment(make_plan(tmp_path, examples, arms))
    by_key = {arm.key: arm for arm in record.arms}
    assert by_key["bad"].lost_to == "good"
    assert by_key["bad"].answered < 0.5 * record.planned
    assert (
        by_key["good"].answered == by_key["oracle"].answered == record.planned == len(record.split.held_out)
    )
    again = [
        make_arm("good", examples, 0.9),
        make_arm("bad", examples, 0.05),
        make_arm("oracle", examples, 0.02, DIAGNOSTIC),
    ]
    assert replace(run_experiment(make_plan(tmp_path, examples, again)), volatile={}) == replace(
        record, volatile={}
    )


def test_a_clearly_worse_arm_saves_four_tenths_of_its_answers_at_eighty_questions(tmp_path: Path) -> None:
    """Answers of the two arms are independent of each other, which is the hardest case for a paired bound."""
    examples = make_examples(210)
    saved = []
    for place in range(6):
        arms = [
            make_arm("good", examples, 0.65, salt=f"good {place}"),
            make_arm("bad", examples, 0.25, salt=f"bad {place}"),
        ]
        record = run_experiment(make_plan(tmp_path / str(place), examples, arms, latency_calls=0))
        good, bad = record.arms
        assert not good.lost_to
        saved.append(1 - bad.answered / record.planned)
    assert record.planned in range(75, 90)
    assert sum(saved) / len(saved) >= 0.4


def test_an_arm_that_the_goal_rules_out_pushes_nobody_out(tmp_path: Path) -> None:
    from knowhow.evaluation.arms import Goal

    examples = make_examples(300)
    arms = [make_arm("base", examples, 0.9), make_arm("rag", examples, 0.1, RETRIEVES)]
    record = run_experiment(make_plan(tmp_path, examples, arms, goal=Goal(citations=True)))
    assert [arm.lost_to for arm in record.arms] == ["", ""]


def test_a_budget_is_kept_evenly(tmp_path: Path) -> None:
    examples = make_examples(300)
    arms = [make_arm("slow", examples, 0.5, seconds=0.01), make_arm("fast", examples, 0.5, seconds=0.002)]
    started = time.monotonic()
    record = run_experiment(make_plan(tmp_path, examples, arms, budget_seconds=1.2, stops_early=False))
    assert record.planned < record.total == len(record.split.held_out)
    assert record.planned >= 4
    assert {arm.answered for arm in record.arms} == {record.planned}
    assert time.monotonic() - started < 60
    again = [make_arm("slow", examples, 0.5), make_arm("fast", examples, 0.5)]
    assert (
        run_experiment(make_plan(tmp_path, examples, again, budget_seconds=1.2, stops_early=False)).planned
        == record.planned
    )


def test_planning_arithmetic() -> None:
    assert plan_questions(200, 10, {"a": 1.0, "b": 2.0}, 90.0) == 40
    assert plan_questions(200, 10, {"a": 1.0}, -5.0) == 10
    assert plan_questions(200, 10, {"a": 1.0}, 1e9) == 200
    assert plan_questions(200, 10, {"a": 0.0}, 5.0) == 200
    assert plan_questions(200, 10, {"a": 1.0}, float("inf")) == 200
    assert (list(next_shard(0, 100, 16)), list(next_shard(96, 100, 16))) == ([0, 1, 2, 3], [96, 97, 98, 99])
    assert list(spread_evenly(10, 4)) == [0, 2, 5, 7]
    assert list(spread_evenly(3, 4)) == [0, 1, 2]
    now = [0.0]
    budget = Budget(100.0, clock=lambda: now[0])
    now[0] = 30.0
    assert (budget.left(), budget.left(for_answers=True)) == (70.0, 55.0)
    assert Budget(None).left() == float("inf")


def test_a_half_written_store_loses_one_answer_only(tmp_path: Path) -> None:
    arms = three_arms()
    record = run_experiment(make_plan(tmp_path, EXAMPLES, arms))
    for path in (tmp_path / "cache" / "answers").glob("*.jsonl"):
        if not path.name.endswith("latency.jsonl"):
            path.write_bytes(path.read_bytes()[:-30])
    again = three_arms()
    second = run_experiment(make_plan(tmp_path, EXAMPLES, again))
    assert [len(pipeline_of(arm).asked) for arm in again] == [1, 1, 1]
    assert {arm: dict(answers) for arm, answers in second.answers.items()} == record.answers


def test_limit_asks_fewer_questions(tmp_path: Path) -> None:
    record = run_experiment(make_plan(tmp_path, EXAMPLES, three_arms(), limit=7))
    assert record.planned == record.total == 7


CHILD = """
import sys
from pathlib import Path
from knowhow.evaluation.experiment import run_experiment
from tests.unit.evaluation.experiments import *
folder = Path(sys.argv[1])
examples = make_examples(80)
arms = [
    make_arm("base", examples, 0.5, seconds=0.01, log=folder / "base.log"),
    make_arm("rag", examples, 0.6, RETRIEVES, seconds=0.01, log=folder / "rag.log"),
]
run_experiment(make_plan(folder, examples, arms, shard=4, stops_early=False, latency_calls=0))
print("done", flush=True)
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_killed_runs_resume_with_at_most_one_shard_asked_twice(tmp_path: Path, kind: signal.Signals) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    kills = 0
    for goal in (6, 20, 44):
        child = subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        log = tmp_path / "rag.log"
        while child.poll() is None and (not log.exists() or log.read_text().count("\n") < goal):
            time.sleep(0.01)
        if child.poll() is None:
            child.send_signal(kind)
            kills += 1
        child.wait()
    subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=True, capture_output=True
    )
    record = load_run(find_run(tmp_path / "runs"))
    assert kills >= 1
    for name in ("base", "rag"):
        asked = (tmp_path / f"{name}.log").read_text().splitlines()
        assert set(asked) == {example.question for example in record.examples}
        # Answers are durable per shard: what was under way when the kill came is all that is asked again.
        assert len(asked) - len(set(asked)) <= 4 * kills
        assert len(record.answers[name]) == record.planned


def test_the_pipeline_gets_batches_and_a_wrong_count_is_a_failure(tmp_path: Path) -> None:
    class Short(KnownPipeline):
        def answer(self, queries, on_text=None):  # type: ignore[no-untyped-def]
            return super().answer(queries)[:1]

    arm = make_arm("base", EXAMPLES, 1.0)
    arm = replace(arm, strategy=KnownStrategy(Short(pipeline_of(arm).answers, 1.0)))
    record = run_experiment(make_plan(tmp_path, EXAMPLES, [arm]))
    assert all(
        record.answers["base"][example.id].text == example.references[0] for example in record.examples
    )
