"""Personal data goes in at every door of a workspace; not one byte of it may lie anywhere that KnowHow writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from tests.unit.releases.workspaces import run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.cli import main
from knowhow.privacy.vault import KEY_VARIABLE
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

PLANTED = {
    "document text": "13912340001",
    "document table": "6222021234567890128",
    "document title": "title.owner@plant.example",
    "document name": "Wilhelmina Featherstonehaugh",
    "document chinese": "11010519491231002X",
    "question of an example": "question.of@plant.example",
    "answer of an example": "answer.of@plant.example",
    "quote of an example": "quote.of@plant.example",
    "question asked": "asked.by@plant.example",
    "earlier turn": "+44 20 7946 0958",
    "correction": "219-09-9999",
    "comment": "10.20.30.40",
    "answer of a reviewer": "reviewer.wrote@plant.example",
    "note of a reviewer": "note.of@plant.example",
    "custom": "EMP-778812",
}
DOCUMENTS = {
    "a.md": f"# Contact {PLANTED['document title']}\n\nThe desk answers at {PLANTED['document text']} every day. Mrs. {PLANTED['document name']} leads it.\n",
    "b.csv": f"service,card\nrefund,{PLANTED['document table']}\n",
    "c.txt": f"客户李小红女士身份证{PLANTED['document chinese']}已登记。工号{PLANTED['custom']}。",
    "d.md": f"Refunds are paid within ten days; ask {PLANTED['quote of an example']} for the form.\n",
}
SETTINGS = """
[embedder]
name = "fake"
[generator]
name = "fake"
[audit]
questions = "text"
[privacy]
mode = "{mode}"
[privacy.patterns]
employee = 'EMP-\\d{{6}}'
"""


def make(folder: Path, mode: str) -> Path:
    (folder / "documents").mkdir(parents=True)
    for name, text in DOCUMENTS.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    rows = [
        {
            "id": f"e{number:02d}",
            "question": f"Who pays refund number {number}, is it {PLANTED['question of an example']}?",
            "answer": f"The desk pays refund {number}, write to {PLANTED['answer of an example']}.",
            "evidence": {"document": "d.md", "quote": f"ask {PLANTED['quote of an example']} for the form"},
        }
        for number in range(24)
    ]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "knowhow.toml").write_text(SETTINGS.format(mode=mode))
    return folder


def leaks(folder: Path) -> list[str]:
    """Return where planted data stands in files of KnowHow's own, in UTF-8, UTF-16 or escaped; the user's own files are his."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for place, value in PLANTED.items():
            forms = (
                value.encode(),
                value.encode("utf-16-le"),
                json.dumps(value)[1:-1].encode(),
                value.replace(" ", "%20").encode(),
            )
            if any(form in content for form in forms):
                found.append(f"{place} in {path.relative_to(folder)}")
    return found


@pytest.fixture(
    params=["mask", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("pseudonymise", "drop"))]
)
def workspace(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    folder = make(tmp_path / "bot", request.param)
    assert main(["ingest", "-C", str(folder), "-q"]) == 0
    return folder


def test_no_byte_of_planted_data_is_kept(
    workspace: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    here = ("-C", str(workspace))
    said = []
    asked = f"Which desk helps {PLANTED['question asked']} with refunds?"
    assert main(["ask", asked, "--strategy", "rag", "--trace", "-q", *here]) == 0
    assert main(["data", "check", *here]) in (0, 2)
    run = run_comparison(workspace, "parrot", "rag", "few_shot")
    assert main(["report", run, *here]) == 0
    said.append(capsys.readouterr().out.replace(asked, ""))
    with Workspace(workspace) as opened:
        rows = opened.training_rows("raft")
        made = opened.release(ReleaseOrder(run, "parrot", "r", "ada", "for the test"))
        opened.promote(made.id, by="ada", reason="go")
        opened.releases.export(made.id, tmp_path / "bot" / ".knowhow" / "exported.tar")
    assert len(rows) > 5
    said.append(repr(rows))
    said += _serve(workspace)
    assert main(["audit", "log", "--export", str(workspace / ".knowhow" / "log.jsonl"), *here]) == 0
    (workspace / ".knowhow" / "said.txt").write_text("\n".join(said), encoding="utf-8")
    added = (workspace / "examples.jsonl").read_text().splitlines()[24:]
    assert added, "the correction became an example"
    (workspace / ".knowhow" / "added.jsonl").write_text("\n".join(added))
    assert leaks(workspace / ".knowhow") == []


def _serve(workspace: Path) -> list[str]:
    said = []
    with serving(workspace) as (address, _), client(address) as session:
        turns = [
            {"role": "user", "content": f"Call me at {PLANTED['earlier turn']}."},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": f"Write to {PLANTED['question asked']} about refunds."},
        ]
        for stream in (False, True):
            body = {"model": "knowhow", "messages": turns, "stream": stream}
            reply = session.post("/v1/chat/completions", json=body)
            assert reply.status_code == 200, reply.text
            said.append(reply.text)
        answer = re.search(r'"id": ?"chatcmpl-([0-9a-f]+)"|"answer_id": ?"([0-9a-f]+)"', said[0])
        assert answer is not None, said[0]
        feedback = session.post(
            "/api/feedback",
            json={
                "answer_id": answer[1] or answer[2],
                "rating": "down",
                "correction": f"My number is {PLANTED['correction']}.",
                "comment": f"Sent from {PLANTED['comment']}.",
            },
        )
        assert feedback.status_code < 300, feedback.text
        said.append(feedback.text)
        review = session.post(
            f"/api/feedback/{feedback.json()['id']}/reviews",
            json={
                "verdict": "wrong",
                "answer": f"Ask {PLANTED['answer of a reviewer']}.",
                "note": f"Said {PLANTED['note of a reviewer']}.",
            },
        )
        assert review.status_code < 300, review.text
        said.append(review.text)
        said += [session.get(page).text for page in ("/review", "/documents", "/api/documents", "/runs")]
    return said


def test_the_scan_itself_finds_what_is_kept_without_masking(tmp_path: Path) -> None:
    folder = make(tmp_path / "bot", "off")
    assert main(["ingest", "-C", str(folder), "-q"]) == 0
    kept = {line.split(" in ")[0] for line in leaks(folder / ".knowhow")}
    assert {place for place in PLANTED if place.startswith("document")} | {"custom"} <= kept


def test_pseudonyms_join_documents_and_questions_and_lead_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    folder = make(tmp_path / "bot", "pseudonymise")
    assert main(["ingest", "-C", str(folder), "-q"]) == 0
    with Workspace(folder) as opened:
        text = opened.components.index.document("a.md").text
        name = re.search(r"\[phone:[a-z2-7]{16}\]", text)
        assert name is not None
        assert (
            name[0] in opened.pipeline("rag").answer([_query("What is 139-1234-0001?")])[0].prompt[-1].content
        )
    capsys.readouterr()
    assert main(["pii", "reveal", name[0], "-C", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == PLANTED["document text"]
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    assert main(["pii", "reveal", name[0], "-C", str(folder)]) == 3


def test_the_review_counts_and_shows_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(tmp_path / "bot", "off")
    (folder / "documents" / "call 13912340009.txt").write_text("Nothing here.")
    assert main(["pii", "-C", str(folder), "-q", "--gate"]) == 3
    out = capsys.readouterr().out
    assert main(["pii", "--json", "-C", str(folder), "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    counts = {item["kind"]: item["count"] for item in found["findings"]}
    assert counts["employee"] == 1
    assert counts["resident_id"] == 1
    assert counts["email"] == 2 + 3 * 24
    assert found["file_names"] == ["call 13912340009.txt"]
    for text in (out.replace("call 13912340009.txt", ""), json.dumps(found, ensure_ascii=False)):
        assert not [value for value in PLANTED.values() if value in text]


def _query(text: str):  # type: ignore[no-untyped-def]
    from knowhow.types import Query

    return Query(text)
