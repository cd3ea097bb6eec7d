"""The audit log: what it records through every door, what it keeps of questions, and that no change to it goes unseen."""

from __future__ import annotations

import csv
import json
import multiprocessing
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.cli import main
from knowhow.config import parse_settings
from knowhow.errors import DataError, PolicyError
from knowhow.journal import append_journal, find_head, read_journal
from knowhow.spreadsheet import escape_formula
from knowhow.types import Answer, Chunk, Hit, Query
from knowhow.workspace import Workspace
from knowhow.workspace.audit import AuditLog
from knowhow.workspace.release import ReleaseOrder

QUESTION = "How much may staff refund?"


def log_of(tmp_path: Path, **audit: object) -> AuditLog:
    return AuditLog(parse_settings({"audit": audit}, tmp_path), "ada")


def fill(log: AuditLog, lines: int = 5) -> None:
    for number in range(lines):
        log.record("ingested", f"version-{number}", added=number)


def test_every_line_carries_the_digest_of_all_before_it(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    fill(log)
    checked = log.verify()
    assert (checked.entries, checked.head) == (5, log.entries()[-1].chain)
    assert log.head() == checked
    assert [entry.number for entry in log.entries()] == [1, 2, 3, 4, 5]
    assert {entry.by for entry in log.entries()} == {"ada"}


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: [lines[0].replace("version-0", "version-9"), *lines[1:]],
        lambda lines: [*lines[:2], lines[2].replace('"by":"ada"', '"by":"eve"'), *lines[3:]],
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: lines[1:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: [*lines, lines[0]],
        lambda lines: [*lines[:-1], lines[-1].replace('"chain":"', '"chain":"0')],
        lambda lines: [*lines[:2], '"a text"', *lines[2:]],
    ],
)
def test_no_edit_goes_unseen(tmp_path: Path, tamper: object) -> None:
    log = log_of(tmp_path)
    fill(log)
    lines = log.path.read_text().splitlines()
    log.path.write_text("\n".join(tamper(lines)) + "\n")  # type: ignore[operator]
    with pytest.raises(DataError, match="edited"):
        log.verify()


def test_a_cut_end_is_seen_with_a_head_that_was_noted_before(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    fill(log)
    head = log.verify().head
    lines = log.path.read_text().splitlines()
    log.path.write_text("\n".join(lines[:3]) + "\n")
    assert log.verify().entries == 3
    with pytest.raises(DataError, match="cut off"):
        log.verify(head)


def test_a_torn_line_was_never_acknowledged_and_the_next_one_follows_what_was(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    fill(log, 2)
    with log.path.open("ab") as file:
        file.write(b'{"number": 3, "torn')
    assert log.head().entries == 2
    fill(log, 1)
    assert log.verify().entries == 3


def test_long_lines_are_found_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert find_head(path) == (0, "")
    for number in range(3):
        append_journal(path, {"text": "x" * (150_000 if number else 10)}, purpose="a test")
    assert find_head(path) == (3, [*read_journal(path)][-1]["chain"])
    path.write_text("no json\n")
    with pytest.raises(DataError, match="fsck"):
        find_head(path)


def test_what_is_kept_of_a_question_is_what_was_configured(tmp_path: Path) -> None:
    hit = Hit(Chunk("c", "policy.md", "text", 0, 4, frozenset({"staff"})), 0.9)
    answer = Answer("Up to $75.", hits=(hit, hit), index_version="v1")
    for mode in ("digest", "text", "off"):
        log = log_of(tmp_path / mode, questions=mode)
        log.record_answers([Query(QUESTION, frozenset({"staff"}))], [answer], strategy="rag")
        (entry,) = log.entries()
        raw = log.path.read_text()
        assert (QUESTION in raw) == (mode == "text")
        assert entry.details.get("question") == {
            "digest": log.digest_question(QUESTION), "text": QUESTION, "off": None,
        }[mode]  # fmt: skip
        assert entry.details["documents"] == ["policy.md"]
        assert entry.details["groups"] == ["staff"]
        assert (entry.details["outcome"], entry.subject) == ("answered", "rag")
        assert "$75" not in raw, "answers are not kept"


def test_digests_of_questions_differ_between_workspaces_and_are_found_again(tmp_path: Path) -> None:
    one, other = log_of(tmp_path / "one"), log_of(tmp_path / "other")
    assert one.digest_question(QUESTION) == one.digest_question(f" {QUESTION} ")
    assert one.digest_question(QUESTION) != other.digest_question(QUESTION)
    assert (tmp_path / "one/.knowhow/audit/key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer("", error="no"), "failed"),
        (Answer("None.", abstained=True), "abstained"),
        (Answer("Yes."), "answered"),
    ],
)
def test_the_outcome_is_recorded(tmp_path: Path, answer: Answer, outcome: str) -> None:
    log = log_of(tmp_path)
    log.record_answers([Query("What?")], [answer])
    assert log.entries()[0].details["outcome"] == outcome


def test_nothing_is_written_where_the_log_is_off(tmp_path: Path) -> None:
    log = log_of(tmp_path, log=False)
    fill(log)
    log.record_answers([Query("What?")], [Answer("x")])
    assert not log.path.exists()


def append_many(root: str, name: str) -> None:
    log = AuditLog(parse_settings({}, Path(root)), name)
    for number in range(20):
        log.record("changed", f"{name}-{number}")


def test_processes_share_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=append_many, args=(str(tmp_path), name)) for name in ("ada", "bob", "eve")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert log_of(tmp_path).verify().entries == 60


def test_the_log_cannot_be_exported_over_a_file_and_formulas_stay_text(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.record("opened", '=HYPERLINK("http://x.example","go")', by="@SUM(1)")
    log.record("opened", "-2+3", by="ada")
    target = tmp_path / "audit.csv"
    assert log.export(target) == 2
    rows = list(csv.DictReader(target.open(encoding="utf-8")))
    assert rows[0]["subject"].startswith("'=")
    assert rows[0]["by"].startswith("'@")
    assert rows[1]["subject"] == "'-2+3"
    assert rows[1]["number"] == "2"
    with pytest.raises(PolicyError, match="exists"):
        log.export(target)
    log.export(tmp_path / "audit.jsonl")
    assert [json.loads(line)["number"] for line in (tmp_path / "audit.jsonl").open()] == [1, 2]


@pytest.mark.parametrize(
    ("text", "is_escaped"),
    [
        ("=1+1", True), ("+1+1", True), ("-1+1", True), ("@A1", True), ("\t=1", True), ("\r=1", True), (" =1+1", True), ("＝1+1", True),
        ("|calc", True), ("%A", True), ("\ufeff=1", True), ("-12.5", False), ("+3", False), ("1+1", False), ("a=b", False), ("", False),
        ("-5%", False), ("-1e9", False),
    ],
)  # fmt: skip
def test_formulas(text: str, is_escaped: bool) -> None:
    assert escape_formula(text) == ("'" + text if is_escaped else text)


def test_every_verb_of_a_workspace_leaves_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "bot")
    run = run_comparison(folder)
    with Workspace(folder) as workspace:
        workspace.ask([QUESTION], strategy="parrot")
        release = workspace.release(ReleaseOrder(run, "parrot", "first", "ada", "for the test"))
        workspace.promote(release.id, by="bob", reason="go")
        kinds = [entry.kind for entry in workspace.audit.entries()]
        by = {entry.kind: entry.by for entry in workspace.audit.entries()}
    assert {"ingested", "compared", "asked", "released", "promoted"} <= set(kinds)
    assert (by["released"], by["promoted"]) == ("ada", "bob")
    assert main(["key", "create", "carol", "-C", str(folder)]) == 0
    assert main(["audit", "log", "--verify", "-C", str(folder)]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert main(["audit", "log", "--head", head, "-C", str(folder)]) == 0
    assert main(["audit", "log", "--question", QUESTION, "-C", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert " asked parrot" in shown
    assert "key_made" not in shown
    assert main(["audit", "log", "--head", "0" * 64, "-C", str(folder)]) == 2


def test_the_server_records_who_asked_opened_and_was_refused(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot")
    with serving(folder) as (address, service):
        token = service.keys.create("dora", "user", frozenset(), by="test")
        user = client(address, token)
        assert user.post("/api/ask", json={"question": QUESTION}).status_code == 200
        name = user.get("/api/documents").json()[0]["id"]
        assert user.get(f"/api/documents/{name}").status_code == 200
        assert user.put("/api/documents/x.md", content=b"hello").status_code == 403
        assert client(address, "kh-wrong").get("/api/documents").status_code == 401
        entries = service.workspace.audit.entries()
    asked = [entry for entry in entries if entry.kind == "asked"]
    assert [(entry.by, entry.door) for entry in asked] == [("dora", "http")]
    assert asked[0].details["documents"]
    assert [(entry.by, entry.kind) for entry in entries if entry.kind == "opened"] == [("dora", "opened")]
    assert [entry.details["status"] for entry in entries if entry.kind == "refused"] == [403, 401]
    assert token not in (folder / ".knowhow/audit/log.jsonl").read_text()


def test_an_answer_that_cannot_be_recorded_is_not_delivered(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot")
    with serving(folder) as (address, service):
        log = service.workspace.audit.path
        log.unlink(missing_ok=True)
        log.mkdir(parents=True)
        reply = client(address).post("/api/ask", json={"question": QUESTION})
    assert reply.status_code >= 500
    assert "$" not in reply.text
