"""A running server and a purge: the next answer comes from another release, without the document, and old answers are gone."""

from __future__ import annotations

from pathlib import Path

from tests.unit.deletion.learners import compare, make_workspace, token
from tests.unit.serving.servers import client, serving

from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder


def test_a_running_server_forgets_at_once(tmp_path: Path) -> None:
    root = make_workspace(tmp_path / "w", 24)
    run = compare(root, "rag", "scholar")
    made = {}
    with Workspace(root) as workspace:
        for strategy in ("rag", "scholar"):
            made[strategy] = workspace.release(ReleaseOrder(run, strategy, "test", "ada", "test")).id
            workspace.promote(made[strategy], by="ada", reason="test")
        touched = next(
            f"{token(number, 'file')}.md"
            for number in range(24)
            if workspace.lineage(f"{token(number, 'file')}.md").named("adapter")
        )
    number = next(number for number in range(24) if touched.startswith(token(number, "file")))
    question = {"question": f"What is the key of locker {number} of clerk {number * 7}?"}
    with serving(root, fallback="rag") as (address, service), client(address) as http:
        first = http.post("/api/ask", json=question).json()
        assert first["release"] == made["scholar"]
        assert token(number, "title") in str(first)
        with Workspace(root) as other:
            assert other.purge([touched], with_sources=True).is_clean
        second = http.post("/api/ask", json=question).json()
        assert second["release"] == made["rag"]
        assert token(number, "title") not in str(second)
        assert (
            http.post("/api/feedback", json={"answer_id": first["answer_id"], "rating": "up"}).status_code
            == 404
        )
        assert (
            http.post("/api/feedback", json={"answer_id": second["answer_id"], "rating": "up"}).status_code
            < 300
        )
        asked = {**question, "model": made["scholar"]}
        assert (
            http.post("/api/ask", json=asked).status_code >= 400
            or http.post("/api/ask", json=asked).json()["release"] != made["scholar"]
        )
        assert made["scholar"] not in service.answerer._pipelines
    assert token(number, "title") not in "".join(
        path.read_text(errors="ignore") for path in (root / ".knowhow").rglob("*") if path.is_file()
    )
