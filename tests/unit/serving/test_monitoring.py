"""What a live server tells about its answers, and that the texts of askers stay out of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import client, serving

from knowhow.cli import main
from knowhow.workspace import Workspace


def test_figures_of_live_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "bot", examples=24, extra="[monitoring]\nper_minute = 20\n")
    with serving(folder) as (address, service):
        connection = client(address)
        for number in range(24):
            body = {"question": f"Which key opens drawer {number} of clerk {number * 7}?"}
            assert connection.post("/api/ask", json=body).status_code == 200
        end = time.monotonic() + 20
        while len(service.observer.monitor.rows()) < 24 and time.monotonic() < end:
            time.sleep(0.05)
        report = connection.get("/api/monitoring").json()
        assert (report["overall"]["answers"], report["overall"]["scored"]) == (24, 20)
        assert report["overall"]["grounding"] == 1.0
        assert report["overall"]["error_rate"] == 0.0
        assert report["from_examples"]["now"] == 20
        assert not report["from_examples"]["is_drifting"]
        assert (report["freshness"]["documents"], report["freshness"]["waiting"]) == (25, 0)
        assert report["problem"] == ""
        text = connection.get("/metrics").text
        assert 'knowhow_answers_total{outcome="answered",release="unreleased:parrot"} 24.0' in text
    (folder / "documents" / "new.md").write_text("Something new.")
    with Workspace(folder) as workspace:
        health = workspace.health()
        assert (health.overall.answers, health.freshness.waiting) == (24, 1)
    assert main(["monitor", "-C", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "24 answers (20 scored)" in shown
    assert "1 files wait" in shown
    assert main(["monitor", "--json", "-C", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["answers"] == 24
    kept = b"".join(
        path.read_bytes() for path in (folder / ".knowhow" / "monitoring").rglob("*") if path.is_file()
    )
    assert b"drawer" not in kept
    assert b"clerk" not in kept


def test_a_refused_question_is_counted(tmp_path: Path) -> None:
    with serving(make_workspace(tmp_path / "bot", examples=3)) as (address, service):
        service.answerer.queue.capacity = 0
        assert client(address).post("/api/ask", json={"question": "Why?"}).status_code == 503
        assert 'knowhow_refused_total{reason="overloaded"} 1.0' in client(address).get("/metrics").text
