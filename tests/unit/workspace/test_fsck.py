"""fsck: a whole workspace passes, every kind of damage is named, and repair takes away only what can be made again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.cli import main
from knowhow.config import load_settings
from knowhow.models.tensors import write_tensors
from knowhow.releases.feedback import Feedback
from knowhow.workspace import Workspace
from knowhow.workspace.feedback import feedback_log
from knowhow.workspace.fsck import inspect
from knowhow.workspace.release import ReleaseOrder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_workspace(tmp_path_factory.mktemp("fsck") / "bot")
    run = run_comparison(folder)
    with Workspace(folder) as workspace:
        release = workspace.release(ReleaseOrder(run, "parrot", "first", "ada", "for the test"))
        workspace.promote(release.id, by="ada", reason="go")
        feedback_log(workspace.settings).add(Feedback("", "", "ada", "What?", "That.", "up"))
    write_tensors(folder / ".knowhow/cache/weights.safetensors", {"a": np.zeros((2, 2), np.float32)})
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "bot"))


def execute(copy: Path, statement: str) -> None:
    connection = sqlite3.connect(copy / ".knowhow/index.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
        file.write(data)


def first(copy: Path, pattern: str) -> Path:
    return sorted((copy / ".knowhow").glob(pattern))[0]


def test_a_whole_workspace_passes(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = inspect(load_settings(whole))
    assert found.faults == []
    assert {"indexes", "lines of chained logs", "releases", "feedback", "JSON files", "weight files"} <= set(
        found.checked
    )
    assert main(["fsck", "-C", str(whole)]) == 0
    assert "everything is whole" in capsys.readouterr().out


def test_an_empty_workspace_is_whole(tmp_path: Path) -> None:
    (tmp_path / "knowhow.toml").write_text("")
    assert inspect(load_settings(tmp_path)).is_whole


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "documents without text": (lambda c: execute(c, "DELETE FROM texts"), "index.sqlite", "without their text"),
    "vectors gone": (lambda c: execute(c, "DELETE FROM vectors WHERE number % 2"), "index.sqlite", "without a vector"),
    "vectors too many": (lambda c: execute(c, "INSERT INTO vectors VALUES (99999, x'00')"), "index.sqlite", "without a chunk"),
    "postings gone": (lambda c: execute(c, "DELETE FROM postings"), "index.sqlite", "without terms"),
    "chunks gone": (lambda c: execute(c, "DELETE FROM chunks WHERE number = 1"), "index.sqlite", "another number of chunks"),
    "chunk text changed": (lambda c: execute(c, "UPDATE chunks SET text = 'x' WHERE number = 1"), "index.sqlite", "not the stretch"),
    "chunk opened to others": (lambda c: execute(c, "UPDATE chunks SET audience = audience + 7"), "index.sqlite", "others than their document"),
    "length changed": (lambda c: execute(c, "UPDATE documents SET characters = 1"), "index.sqlite", "another length"),
    "other format": (lambda c: execute(c, "UPDATE settings SET value = '1' WHERE key = 'schema'"), "index.sqlite", "format 1"),
    "no database": (lambda c: (c / ".knowhow/index.sqlite").write_bytes(b"nothing"), "index.sqlite", "cannot be read"),
    "audit edited": (lambda c: _edit(c / ".knowhow/audit/log.jsonl"), "audit/log.jsonl", "edited"),
    "release log edited": (lambda c: _edit(c / ".knowhow/releases/events.jsonl"), "releases/events.jsonl", "edited"),
    "manifest changed": (lambda c: _edit(first(c, "releases/*/release.json")), "releases/", "not the manifest"),
    "released file gone": (lambda c: first(c, "releases/*/fitted/*").unlink(), "releases/", "is missing"),
    "released file changed": (lambda c: first(c, "releases/*/fitted/*").write_text("x"), "releases/", "not the file"),
    "run broken": (lambda c: first(c, "runs/*/*.json").write_text("{"), "runs/", "is no JSON"),
    "feedback broken": (lambda c: (c / ".knowhow/feedback/log.jsonl").write_text("{}\n"), "feedback/log.jsonl", "line of feedback"),
    "feedback no JSON": (lambda c: (c / ".knowhow/feedback/log.jsonl").write_text("{\n"), "feedback/log.jsonl", "is no JSON"),
    "weights cut": (lambda c: os.truncate(c / ".knowhow/cache/weights.safetensors", 20), "cache/weights", "safetensors"),
}  # fmt: skip


def _edit(path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace("ada", "eve", 1) if "ada" in text else text.replace("1", "2", 1))


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_left_alone(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    damage, place, reason = DAMAGE[name]
    damage(copy)
    found = inspect(load_settings(copy), repairs=True)
    faults = [fault for fault in found.faults if fault.place.startswith(place) and reason in fault.text]
    assert faults, found.faults
    assert all(fault.mend for fault in faults)
    assert not found.is_whole, "nothing of value is deleted by --repair"
    assert main(["fsck", "--repair", "-C", str(copy)]) == 2
    assert place in capsys.readouterr().out


REPAIRABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "half-written file": (lambda c: _old(c / ".knowhow/.report.json.abc.part"), "never finished"),
    "ingest cache": (lambda c: _write(c / ".knowhow/ingest.jsonl", "broken\n"), "is no JSON"),
    "pointer to nothing": (lambda c: _write(c / ".knowhow/fitted/lora.json", '{"folder": "gone"}'), "no longer there"),
    "unfinished release": (lambda c: _write(c / ".knowhow/releases/r-123/fitted/x", "x").parent.parent, "never finished"),
    "encoder index": (lambda c: _write(c / ".knowhow/encoders/e.sqlite", "no database at all" * 100), "cannot be read"),
}  # fmt: skip


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _old(path: Path) -> Path:
    _write(path, "half")
    os.utime(path, (time.time() - 7200,) * 2)
    return path


@pytest.mark.parametrize("name", REPAIRABLE)
def test_repair_takes_away_what_can_be_made_again(copy: Path, name: str) -> None:
    damage, reason = REPAIRABLE[name]
    path = damage(copy)
    settings = load_settings(copy)
    assert [fault for fault in inspect(settings).faults if reason in fault.text]
    assert path.exists(), "without --repair nothing is changed"
    assert inspect(settings, repairs=True).is_whole
    assert not path.exists()
    assert inspect(settings).faults == []


def test_the_answer_for_programs(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute(copy, "DELETE FROM vectors")
    assert main(["fsck", "--json", "-C", str(copy)]) == 2
    value = json.loads(capsys.readouterr().out)
    assert value["is_whole"] is False
    assert value["faults"][0]["place"] == "index.sqlite"
