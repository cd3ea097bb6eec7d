import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.ingest_process import corpus, index

from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.testing.fakes import FakeEmbedder

ROOT = Path(__file__).parents[2]


def fill(folder: Path, generation: int) -> None:
    """Write a folder whose next generation changes, adds and removes files."""
    for number in range(40):
        name = folder / f"part{number % 4}" / f"{number + generation * 5}.md"
        name.parent.mkdir(parents=True, exist_ok=True)
        state = generation if number % 3 == 0 else 0
        name.write_text("\n\n".join(f"# Part {part}\n\nState {state} of {number}." for part in range(4)))
    rows = "\n".join(f'{{"id": {n}, "text": "Row {n} in {generation if n % 2 else 0}."}}' for n in range(60))
    (folder / "rows.jsonl").write_text(rows)
    if generation:
        for number in range(5):
            (folder / f"part{number % 4}" / f"{number}.md").unlink()


def content(opened: SqliteIndex) -> Any:
    """Everything of an index that a reader can see, without the time of ingest."""
    queries = ["state 1 of 7", "row 31", "part 2"]
    everyone = [frozenset[str]()] * len(queries)
    return (
        [replace(record, ingested="") for record in opened.records()],
        list(opened.chunks()),
        [opened.document(record.id) for record in opened.records()],
        opened.search_dense(FakeEmbedder().embed(queries), everyone, 20),
        opened.search_lexical(queries, everyone, 20),
    )


def start(folder: Path, state: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flow.ingest_process", str(folder), str(state)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )


def run_killed(folder: Path, state: Path, delay: float) -> bool:
    """Ingest and kill after `delay` seconds; say whether the kill came before the end."""
    process = start(folder, state)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode != 0


def check_kills(tmp_path: Path, count: int, seed: int) -> None:
    folder, clean = tmp_path / "documents", tmp_path / "clean"
    fill(folder, 0)
    started = time.monotonic()
    assert start(folder, clean).wait() == 0
    whole = time.monotonic() - started
    chance = random.Random(seed)
    killed = 0
    for point in range(count):
        state = tmp_path / f"killed{point}"
        folder_of_point = tmp_path / f"documents{point}"
        fill(folder_of_point, 0)
        killed += run_killed(folder_of_point, state, chance.uniform(0.2, 1.0) * whole)
        if point % 2:
            # Kill the ingest of a changed folder on top of what the first one left behind.
            fill(folder_of_point, 1)
            killed += run_killed(folder_of_point, state, chance.uniform(0.2, 1.0) * whole)
        expected = tmp_path / f"expected{point % 2}"
        if not expected.exists():
            with_index = index(expected)
            corpus(folder_of_point, expected).sync(with_index)
            with_index.close()
        opened, wanted = index(state), index(expected)
        result = corpus(folder_of_point, state).sync(opened)
        assert content(opened) == content(wanted)
        assert result.problems == ()
        again = corpus(folder_of_point, state).sync(opened)
        assert (again.added, again.changed, again.deleted, again.chunks) == (0, 0, 0, 0)
        opened.close()
        wanted.close()
    assert killed >= count // 2


def test_ingest_survives_kill_9(tmp_path: Path) -> None:
    check_kills(tmp_path, count=5, seed=7)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ingest_survives_kill_9_at_fifty_points(tmp_path: Path) -> None:
    check_kills(tmp_path, count=50, seed=11)


def test_what_was_committed_is_not_embedded_again(tmp_path: Path) -> None:
    folder, state = tmp_path / "documents", tmp_path / "state"
    fill(folder, 0)
    opened = index(state)
    embedded: list[int] = []

    class Interrupting(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            embedded.append(len(texts))
            if len(embedded) == 4:
                raise KeyboardInterrupt
            return super().embed(texts)

    from knowhow.corpus import writing

    before = writing.MAX_CHUNKS
    writing.MAX_CHUNKS = 12
    try:
        with pytest.raises(KeyboardInterrupt):
            replace(corpus(folder, state), embedder=Interrupting).sync(opened)
        committed = len(list(opened.chunks()))
        assert committed == sum(embedded[:3])
        result = corpus(folder, state).sync(opened)
    finally:
        writing.MAX_CHUNKS = before
    assert result.chunks == len(list(opened.chunks())) - committed
    opened.close()
