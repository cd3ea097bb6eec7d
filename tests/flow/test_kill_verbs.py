"""kill -9 at random moments over all verbs: what was acknowledged is there, and everything on disk is whole.

KNOWHOW_KILLS sets how often (default 4): KNOWHOW_KILLS=500 pytest tests/flow/test_kill_verbs.py --timeout 36000
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.evaluation.examples import read_examples
from knowhow.serving.keys import KeyStore
from knowhow.workspace import Workspace
from knowhow.workspace.feedback import feedback_log
from knowhow.workspace.fsck import inspect

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KNOWHOW_KILLS", "4"))


def run_killed(folder: Path, seed: int, count: int, seconds: float) -> list[tuple[str, str]]:
    """Let the verbs run, kill them `seconds` after they acknowledged `count` things, and return all that they acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.flow.kill_verbs", str(folder), str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    ready = process.stdout.readline()
    assert ready.startswith("ready"), process.communicate()[1]
    seen = [process.stdout.readline() for _ in range(count)]
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    output, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    return [
        (kind, name.strip())
        for kind, _, name in (line.partition("\t") for line in (*seen, *output.splitlines()))
        if name.strip()
    ]


def check(folder: Path, acknowledged: set[tuple[str, str]]) -> None:
    """Everything acknowledged is there after a restart, and fsck finds nothing but rests that it can clear away."""
    with Workspace(folder) as workspace:
        settings = workspace.settings
        faults = inspect(settings).faults
        assert [fault for fault in faults if not fault.repair] == []
        present = {
            "ingest": {record.id for record in workspace.records()},
            "feedback": {item.feedback.id for item in feedback_log(settings).items()},
            "example": {example.id for example in read_examples(folder / "examples.jsonl").examples},
            "key": {holder.name for holder in KeyStore(folder / ".knowhow/serving/keys.jsonl").principals()},
            "event": {str(event.number) for event in workspace.releases.events()},
            "release": {release.id for release in workspace.releases.releases()},
            "run": {
                path.name for path in (folder / ".knowhow/runs").glob("*") if (path / "report.json").exists()
            },
            "fitted": {path.name for path in (folder / ".knowhow/cache/fitted").glob("*")},
            "asked": {str(entry.number) for entry in workspace.audit.entries()},
        }
        missing = {(kind, name) for kind, name in acknowledged if name not in present[kind]}
        assert missing == set()
        workspace.ask(["Which key opens drawer 7 of clerk 49?"], strategy="parrot")


def test_what_was_acknowledged_survives_kills_at_any_moment(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot")
    run = run_comparison(folder)
    assert run
    chance = random.Random(20261121)
    acknowledged: set[tuple[str, str]] = set()
    for kill in range(KILLS):
        acknowledged |= set(run_killed(folder, kill, chance.randrange(1, 8), chance.uniform(0.0, 0.6)))
        check(folder, acknowledged)
    assert len(acknowledged) >= KILLS
    kinds = Counter(kind for kind, _ in acknowledged)
    print(f"\n{KILLS} kills, {len(acknowledged)} acknowledged: {dict(sorted(kinds.items()))}")
    assert inspect(Workspace(folder).settings, repairs=True).is_whole
