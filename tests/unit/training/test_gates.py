"""Gates on hand-made figures: each passes what it should and closes on what it should."""

from dataclasses import replace

import pytest

from knowhow.testing.fakes import FakeEmbedder, FakeGenerator
from knowhow.training.gates import (
    find_distant,
    find_leaks,
    gate_leaks,
    gate_lint,
    gate_refusals,
    gate_skills,
    gate_slice,
    measure_skills,
    read_skills,
    refusal_rate,
)
from knowhow.training.rows import TrainingRow
from knowhow.types import Answer, Example, Message, Role


def example(name, question, **changes):
    return replace(Example(name, question, ("a",)), **changes)


def test_forty_skills_are_shipped_and_scored_by_whole_words():
    skills = read_skills()
    assert len(skills) == 40
    assert len({skill.question for skill in skills}) == 40
    by_question = {skill.question: skill.accepted[0] for skill in skills}
    right = FakeGenerator(lambda turns: f"It is {by_question[turns[-1].content]}.")
    wrong = FakeGenerator(lambda turns: f"x{by_question[turns[-1].content]}x")
    assert measure_skills(right, skills) == 1.0
    assert measure_skills(wrong, skills) == 0.0


@pytest.mark.parametrize(
    ("before", "after", "passed"), [(0.6, 0.6, True), (0.6, 0.451, True), (0.6, 0.4, False)]
)
def test_skill_may_fall_within_tolerance(before, after, passed):
    assert gate_skills(before, after).passed is passed


def test_lint_is_overruled_by_name_only():
    assert gate_lint([]).passed
    assert not gate_lint(["duplicate"]).is_open
    assert not gate_lint(["duplicate", "contradiction"], ["lint.duplicate"]).is_open
    for names in (["lint.duplicate"], ["lint"]):
        overruled = gate_lint(["duplicate"], names)
        assert overruled.is_open
        assert not overruled.passed
        assert overruled.reason == "Overruled by name: duplicate."
    assert gate_lint(["a", "b"], ["lint.a"]).reason == (
        "The examples have unresolved problems: b. Overruled by name: a."
    )


def test_leaks_are_found_by_id_and_by_words():
    row = TrainingRow("sft", (Message(Role.ASSISTANT, "a"),), ("t1", "t2"))
    training = [
        example("t1", "How do I block my lost debit card at night?"),
        example("t2", "What is the fee?"),
        example("t3", "How tall is the tower of the old town hall?"),
    ]
    held_out = [
        example("h1", "how do I block my lost debit card, at night"),
        example("h2", "How do I open an account for my child at the branch?"),
        example("h3", "How tall is the tower of the old town hall?"),
        training[1],
    ]
    leaks = find_leaks([row], training, held_out)
    assert [(leak.held_out, leak.training) for leak in leaks] == [("h1", "t1"), ("t2", "t2")]
    assert not gate_leaks(leaks).passed
    assert gate_leaks([]).passed


def test_a_held_out_question_in_a_row_of_other_origin_is_a_leak():
    turns = (Message(Role.USER, "[1] Fees are low.\n\nQuestion: How high is the fee abroad?"),)
    row = TrainingRow("synthetic", (*turns, Message(Role.ASSISTANT, "Low.")))
    held_out = [example("h1", "How high is the fee abroad?"), example("h2", "the fee abroad")]
    assert [(leak.held_out, leak.training) for leak in find_leaks([row], [], held_out)] == [("h1", "row 1")]
    alone = TrainingRow("sft", (Message(Role.USER, "Fee?"), Message(Role.ASSISTANT, "Low.")))
    assert [leak.held_out for leak in find_leaks([alone], [], [example("h3", "fee")])] == ["h3"]


def test_refusals_count_unanswerable_examples_only():
    examples = [
        example("u1", "?", is_answerable=False),
        example("u2", "?", is_answerable=False),
        example("a1", "?"),
    ]
    answers = {"u1": Answer("no", abstained=True), "u2": Answer("42"), "a1": Answer("no", abstained=True)}
    assert refusal_rate(examples, answers) == 0.5
    assert refusal_rate(examples[2:], answers) is None
    assert not gate_refusals(0.52, 0.17).passed
    assert gate_refusals(0.52, 0.17).is_open
    assert gate_refusals(0.52, 0.5).passed
    assert gate_refusals(None, None).passed


def test_the_distant_slice_holds_new_intents_first_then_new_words():
    training = [example(f"t{n}", f"card fee question {n}", intent="cards") for n in range(4)]
    held_out = [
        example("near", "card fee question 9", intent="cards"),
        example("far", "zebra umbrella violin", intent="cards"),
        example("new", "card fee question 8", intent="loans"),
        example("near2", "card fee question 7", intent="cards"),
    ]
    assert find_distant(held_out, training, FakeEmbedder(), share=0.5) == ["new", "far"]
    assert find_distant([], training, FakeEmbedder()) == []


def test_the_slice_gate_compares_shared_questions():
    gate = gate_slice(["a", "b", "c"], {"a": 1.0, "b": 0.5}, {"a": 0.6, "b": 0.5, "c": 1.0})
    assert (gate.before, gate.value, gate.passed) == (0.75, 0.55, False)
    assert gate_slice(["x"], {}, {}).passed
