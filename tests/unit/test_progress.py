"""Progress for whoever watches from another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from knowhow.progress import WATCHED, progress, set_quiet
from knowhow.storage import read_lines


def test_steps_are_kept_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WATCHED, str(tmp_path / "progress.jsonl"))
    set_quiet(True)
    try:
        with progress("Asking", 3, "answers") as bar:
            for _ in range(3):
                bar.advance(1, "rag", loss=0.5)
    finally:
        set_quiet(False)
    rows = list(read_lines(tmp_path / "progress.jsonl"))
    assert (rows[0]["label"], rows[0]["done"], rows[0]["total"]) == ("Asking", 0, 3)
    assert (rows[-1]["done"], rows[-1]["note"], rows[-1]["figures"]) == (3, "rag", {"loss": 0.5})


def test_child_processes_write_to_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WATCHED, str(tmp_path / "progress.jsonl"))
    with progress("Parent", 1):
        code = "from knowhow.progress import progress\nwith progress('Child', 2) as bar:\n bar.advance(2)"
        subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    assert [row["label"] for row in read_lines(tmp_path / "progress.jsonl")] == ["Parent", "Child", "Child"]


def test_nothing_is_kept_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WATCHED, raising=False)
    monkeypatch.chdir(tmp_path)
    with progress("Asking", 1) as bar:
        bar.advance()
    assert list(tmp_path.iterdir()) == []
