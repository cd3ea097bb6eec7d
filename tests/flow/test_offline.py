"""After the models are fetched nothing leaves the machine: the journey runs where there is no network at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = """
import socket, sys
def refuse(*arguments, **options):
    raise OSError("no network in this test")
for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
from knowhow.cli import main
sys.exit(main(sys.argv[1:]))
"""


def _without_network() -> list[str]:
    """A new network namespace without any interface, where this system allows one."""
    command = ["unshare", "--map-root-user", "--net"]
    if (
        shutil.which("unshare")
        and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    ):
        return command
    return []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*_without_network(), sys.executable, "-c", _BLOCK, *arguments]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ingest_ask_and_compare_need_no_socket(tmp_path: Path) -> None:
    from knowhow.models import CATALOG, fetch

    for model in CATALOG.values():
        fetch(model)
    workspace = tmp_path / "bank"
    shutil.copytree(ROOT / "examples" / "bank-support", workspace)
    ingested = json.loads(run("ingest", "-C", str(workspace), "--json").stdout)
    assert ingested["added"] >= 48
    assert ingested["problems"] == []
    asked = json.loads(
        run("ask", "What does a replacement card cost?", "-C", str(workspace), "--json").stdout
    )
    answer = asked[0]["answer"]
    assert answer["hits"]
    assert answer["timings_ms"]["prefill"] > 0
    options = ["--strategies", "base,rag", "--limit", "2", "--json", "-q"]
    report = json.loads(run("compare", "-C", str(workspace), *options).stdout)
    assert {strategy["name"] for strategy in report["strategies"]} == {"base", "rag"}
    page = next((workspace / ".knowhow" / "runs").glob("*/report.html")).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
