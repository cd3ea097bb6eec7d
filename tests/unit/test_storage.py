from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.errors import DataError, PolicyError
from knowhow.storage import (
    append_lines,
    digest,
    digest_file,
    digest_json,
    locked,
    read_json,
    read_lines,
    write_bytes,
    write_json,
    write_text,
)


def test_digests_agree_with_sha256(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"") == digest("") == empty
    (tmp_path / "file").write_bytes(b"")
    assert digest_file(tmp_path / "file") == empty


def test_json_digest_ignores_key_order_and_keeps_unicode() -> None:
    assert digest_json({"b": 1, "a": "中"}) == digest_json({"a": "中", "b": 1}) == digest('{"a":"中","b":1}')


def test_write_replaces_whole_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_current_umask()


def test_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_equal_values_are_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"x": 1, "y": [2]})
    write_json(tmp_path / "b", {"y": [2], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_json(tmp_path / "a") == {"x": 1, "y": [2]}


def test_broken_json_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"a": 1,\n oops}')
    with pytest.raises(DataError, match=rf"{path}:2"):
        read_json(path)


@settings(deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9)), min_size=1),
    cut=st.integers(1, 40),
)
def test_a_torn_last_line_is_dropped_and_the_rest_survives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict], cut: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "log.jsonl"
    append_lines(path, rows)
    whole = path.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    path.write_bytes(kept)
    complete = kept.count(b"\n")
    assert list(read_lines(path)) == rows[:complete]
    append_lines(path, [{"after": 1}])
    assert list(read_lines(path)) == [*rows[:complete], {"after": 1}]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a":1}\nnot json\n{"b":2}\n')
    with pytest.raises(DataError, match=r"log\.jsonl:2"):
        list(read_lines(path))


def test_a_lock_held_by_another_process_is_a_clear_policy_error(tmp_path: Path) -> None:
    lock = tmp_path / "ingest.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from knowhow.storage import locked\nfrom pathlib import Path\n"
            f"with locked(Path({str(lock)!r}), purpose='ingest'):\n print('held', flush=True)\n input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PolicyError, match="busy with ingest"), locked(lock, purpose="ingest"):
        pass
    holder.kill()
    holder.wait()
    with locked(lock, purpose="ingest", wait_seconds=5):
        assert lock.exists()


def test_many_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_under_lock, args=(path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = list(read_lines(path))
    assert sorted((row["worker"], row["row"]) for row in rows) == [
        (number, row) for number in range(3) for row in range(10)
    ]


def _append_under_lock(path: Path, number: int) -> None:
    for row in range(10):
        with locked(path.with_suffix(".lock"), purpose="append", wait_seconds=30):
            append_lines(path, [{"worker": number, "row": row}])


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
