"""A workspace with fake models behind a real server process, for tests that use it as people do: in a browser, over hours, with restarts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
KNOWHOW = (sys.executable, "-c", "from knowhow.cli import run; run()")
FAKES = """
[embedder]
name = "fake"
[generator]
name = "fake"
"""


def install_fakes(folder: Path) -> dict[str, str]:
    """Return the environment of processes that know the fake parts: as any third party's, by an entry point."""
    facts = folder / "knowhow_fakes-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: knowhow-fakes\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[knowhow.plugins]\nfakes = knowhow.testing.fakes\n")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def make_bank(folder: Path, *, documents: bool = True) -> Path:
    """Copy the bank's workspace, with fake models and without its demanding form; `documents` False leaves its folder empty."""
    source = ROOT / "examples" / "bank-support"
    folder.mkdir(parents=True)
    (folder / "documents").mkdir()
    if documents:
        shutil.copytree(source / "documents", folder / "documents", dirs_exist_ok=True)
    rows = [json.loads(line) for line in (source / "examples.jsonl").read_text().splitlines()]
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:80]))
    rules = '[documents]\nrules = [{ path = "internal/**", groups = ["staff"] }]\n'
    (folder / "knowhow.toml").write_text(
        f'language = "en"\n[retrieval]\nk = 3\nthreshold = 0.0\n{rules}{FAKES}'
    )
    return folder


@contextmanager
def serving_process(
    folder: Path, environment: Mapping[str, str], *arguments: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `knowhow serve` on a free port; yields its address and its process, which is ended at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*KNOWHOW, "serve", "-C", str(folder), "--port", str(port), *arguments]
    with (folder.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_server(address, process)
        yield address, process
    finally:
        process.terminate()
        process.wait(30)


def wait_for_server(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers; it must not have ended before."""
    with httpx2.Client(trust_env=False, timeout=30) as session:
        for _ in range(2400):
            assert process.poll() is None, "the server ended; its log stands beside the workspace"
            try:
                session.get(f"{address}/api/health")
                return
            except httpx2.TransportError:
                time.sleep(0.1)
    raise AssertionError("the server did not answer within four minutes")
