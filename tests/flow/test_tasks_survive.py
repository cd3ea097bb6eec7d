"""A long task outlives the server that began it: a new server finds it and follows it to its end."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from tests.flow.served_workspaces import install_fakes, make_bank, serving_process

pytestmark = pytest.mark.slow


def test_a_restart_of_the_server_loses_nothing(tmp_path: Path) -> None:
    environment = install_fakes(tmp_path / "plugins")
    folder = make_bank(tmp_path / "bank", documents=False)
    (folder / "documents" / "desk.md").write_text("The service desk opens at nine.")
    with httpx2.Client(trust_env=False, timeout=240) as session:
        with serving_process(folder, environment) as (address, server):
            body = {"strategies": ["base", "few_shot", "long_context"]}
            name = session.post(f"{address}/api/compare", json=body).json()["id"]
            server.kill()
            server.wait(30)
        with serving_process(folder, environment) as (address, _):
            found = session.get(f"{address}/api/tasks/{name}").json()
            assert found["state"] in ("waiting", "running", "done"), found
            lines = session.get(f"{address}/api/tasks/{name}/events").text.split("\n")
            ending = json.loads(lines[lines.index("event: end") + 1].removeprefix("data: "))
            assert ending["state"] == "done", ending
            assert ending["result"]["run"] in session.get(f"{address}/compare").text
