"""Feedback: what counts, who agrees, and what becomes an example."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from knowhow.config import Settings, parse_settings
from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.evaluation.examples import read_examples
from knowhow.releases.feedback import CitedPassage, Feedback, FeedbackLog, Item, Review, is_readable
from knowhow.workspace.feedback import add_row, example_row, feedback_log, measure_agreement, review_feedback

SAID = Feedback(
    "", "", "bob", "How long?", "30 days [1].", "down", "60 days.", release="rag-1", index_version="v7", citations=(CitedPassage(1, "cards.md", "within 60 days"),), groups=("staff",)
)  # fmt: skip


def verdict(feedback: str, by: str = "ada", kind: str = "wrong", **fields: str) -> Review:
    return Review(feedback, "", by, kind, **fields)  # type: ignore[arg-type]


def judge(workspace: Settings, review: Review) -> Item:
    return review_feedback(workspace, review, ["cards.md", "fees.md"])


def settings(folder: Path, **serve: object) -> Settings:
    return parse_settings({"serve": serve}, folder)


def test_a_correction_becomes_an_example_that_names_its_origin(tmp_path: Path) -> None:
    workspace = settings(tmp_path)
    (tmp_path / "examples.jsonl").write_text('{"id": "e1", "question": "Q?", "answer": "A."}')
    said = feedback_log(workspace).add(SAID)
    item = judge(workspace, verdict(said.id, document="cards.md"))
    assert (item.state, item.example) == ("accepted", f"feedback-{said.id}")
    first, second = read_examples(tmp_path / "examples.jsonl").examples
    assert first.references == ("A.",)
    assert (second.id, second.references, second.groups) == (
        f"feedback-{said.id}",
        ("60 days.",),
        frozenset({"staff"}),
    )
    assert second.evidence[0].document == "cards.md"
    row = json.loads((tmp_path / "examples.jsonl").read_text().splitlines()[1])
    assert row["metadata"]["release"] == "rag-1"
    assert row["metadata"]["said_by"] == "bob"
    assert row["metadata"]["reviewed_by"] == ["ada"]
    assert feedback_log(workspace).waiting() == []


@pytest.mark.parametrize(
    ("review", "answers", "evidence"),
    [
        ({"kind": "right"}, ["30 days [1]."], [{"document": "cards.md", "quote": "within 60 days"}]),
        ({"kind": "wrong", "answer": "90 days."}, ["90 days."], []),
        ({"kind": "wrong_source", "document": "fees.md", "quote": "q"}, ["30 days [1]."], [{"document": "fees.md", "quote": "q"}]),
        ({"kind": "wrong_source"}, None, None),
    ],
)  # fmt: skip
def test_what_each_verdict_teaches(
    tmp_path: Path, review: dict[str, str], answers: list[str] | None, evidence: list[object] | None
) -> None:
    log = FeedbackLog(tmp_path)
    said = log.add(SAID)
    row = example_row(log.review(verdict(said.id, **review)))
    assert (row["answers"] if row else None) == answers
    assert (row["evidence"] if row else None) == evidence


def test_evidence_must_be_a_document_that_the_reviewer_may_read(tmp_path: Path) -> None:
    workspace = settings(tmp_path)
    said = feedback_log(workspace).add(SAID)
    with pytest.raises(NotFoundError, match="that you may read"):
        judge(workspace, verdict(said.id, document="secret.md"))
    assert feedback_log(workspace).get(said.id).reviews == ()


def test_a_thumb_without_a_right_answer_teaches_nothing(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    said = log.add(Feedback("", "", "bob", "Q?", "A.", "down"))
    assert example_row(log.review(verdict(said.id))) is None
    assert example_row(Item(said)) is None


def test_two_reviewers_must_agree(tmp_path: Path) -> None:
    workspace = settings(tmp_path, reviewers=2)
    log = feedback_log(workspace)
    said, other = log.add(SAID), log.add(SAID)
    assert judge(workspace, verdict(said.id)).state == "pending"
    with pytest.raises(PolicyError, match="another person"):
        judge(workspace, verdict(said.id))
    assert judge(workspace, verdict(said.id, "eve", "right")).state == "disputed"
    assert not (tmp_path / "examples.jsonl").exists()
    assert judge(workspace, verdict(said.id, "joe", answer=" 60  DAYS. ")).state == "accepted"
    with pytest.raises(PolicyError, match="decided already"):
        judge(workspace, verdict(said.id, "kim"))
    assert [item.feedback.id for item in log.waiting()] == [other.id]
    judge(workspace, verdict(other.id, "ada"))
    judge(workspace, verdict(other.id, "eve"))
    agreement = measure_agreement(workspace)
    assert agreement is not None
    assert (agreement.items, agreement.share) == (2, 0.5)
    assert agreement.kappa.low <= agreement.kappa.value <= agreement.kappa.high


def test_nothing_is_judged_alone(tmp_path: Path) -> None:
    workspace = settings(tmp_path)
    judge(workspace, verdict(feedback_log(workspace).add(SAID).id))
    assert measure_agreement(workspace) is None


def test_corrections_come_before_thumbs(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    thumb = log.add(Feedback("", "", "bob", "Q?", "A.", "up"))
    correction = log.add(SAID)
    assert [item.feedback.id for item in log.waiting()] == [correction.id, thumb.id]


def test_empty_feedback_and_unknown_names_are_refused(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path)
    with pytest.raises(DataError, match="says nothing"):
        log.add(Feedback("", "", "bob", "Q?", "A."))
    with pytest.raises(NotFoundError, match="no feedback"):
        log.get("nothing")
    log.path.parent.mkdir(exist_ok=True)
    log.path.write_text('{"kind": "feedback", "value": {"id": 7}}\n')
    with pytest.raises(DataError, match="line of feedback"):
        log.items()


def test_other_forms_of_examples_are_left_alone(tmp_path: Path) -> None:
    workspace = parse_settings({"examples": {"path": "qa.csv"}}, tmp_path)
    (tmp_path / "qa.csv").write_text("question,answer\nQ,A\n")
    said = feedback_log(workspace).add(SAID)
    with pytest.raises(PolicyError, match=r"\.jsonl"):
        judge(workspace, verdict(said.id))
    assert feedback_log(workspace).get(said.id).state == "pending"


@pytest.mark.parametrize("before", ["", '{"id": "a"}\n', '{"id": "a"}', '{"id": "a"}\r\n\n# not json'])
def test_rows_are_added_once_and_nothing_else_changes(tmp_path: Path, before: str) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(before.encode())
    add_row(path, {"id": "feedback-1", "question": "Q"})
    once = path.read_bytes()
    assert once.startswith(before.encode())
    assert once.endswith(b"\n")
    assert once.count(b"feedback-1") == 1
    add_row(path, {"id": "feedback-1", "question": "Q"})
    assert path.read_bytes() == once


@pytest.mark.parametrize(
    ("audiences", "groups", "expected"),
    [
        ((), (), True),
        ((("staff",),), (), False),
        ((("staff",),), ("staff",), True),
        ((("staff",), ("legal",)), ("staff",), False),
        ((("staff", "legal"),), ("legal",), True),
    ],
)
def test_who_may_read_feedback(
    audiences: tuple[tuple[str, ...], ...], groups: tuple[str, ...], expected: bool
) -> None:
    assert is_readable(Feedback("", "", "b", "q", "a", audiences=audiences), frozenset(groups)) is expected
