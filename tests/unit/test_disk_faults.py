"""EIO and ENOSPC at every single write, sync and rename: nothing that failed is reported as done, and what was there is whole."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.faults import Disk, failing_disk

from knowhow.config import parse_settings
from knowhow.journal import append_journal, read_journal
from knowhow.releases.catalog import Catalog
from knowhow.releases.feedback import Feedback, FeedbackLog
from knowhow.releases.release import Proof, Release
from knowhow.serving.keys import KeyStore
from knowhow.storage import append_lines, read_json, read_lines, write_bytes, write_json
from knowhow.workspace.audit import AuditLog
from knowhow.workspace.feedback import add_row
from knowhow.workspace.fitted import remember_fitted

ROOT = Path(__file__).parents[2]


def draft() -> Release:
    proof = Proof("run", "token_f1", 0.5, 0.4, 0.6, 10, "rag", True, "rag", "v")
    return Release(
        id="", strategy="rag", seed=0, options={}, settings={}, form={}, base_model="base", embedder="embedder", files=(),
        proof=proof, trained_on="digest", created="2026-11-21T00:00:00Z", created_by="ada", reason="why", override="",
        software="0.1.0", learns=False,
    )  # fmt: skip


def create(folder: Path) -> Any:
    fitted = folder / "learned"
    if not fitted.exists():
        fitted.mkdir()
        (fitted / "weights").write_bytes(b"x" * 1000)
    return Catalog(folder / "releases").create(draft(), fitted)


def state_of(folder: Path) -> Any:
    """What a reader sees: every acknowledged thing."""
    audit = AuditLog(parse_settings({}, folder))
    return {
        "file": (folder / "file").read_bytes() if (folder / "file").exists() else None,
        "json": read_json(folder / "value.json") if (folder / "value.json").exists() else None,
        "lines": list(read_lines(folder / "lines.jsonl")),
        "journal": [row["text"] for row in read_journal(folder / "journal.jsonl")],
        "feedback": [item.feedback.question for item in FeedbackLog(folder / "feedback").items()],
        "keys": sorted(holder.name for holder in KeyStore(folder / "keys.jsonl").principals()),
        "examples": (folder / "examples.jsonl").read_bytes()
        if (folder / "examples.jsonl").exists()
        else None,
        "releases": [release.id for release in Catalog(folder / "releases").releases()],
        "audit": [entry.subject for entry in audit.entries()],
        "fitted": read_json(folder / ".knowhow/fitted/rag.json")
        if (folder / ".knowhow/fitted/rag.json").exists()
        else None,
    }


VERBS: dict[str, Callable[[Path], object]] = {
    "file": lambda folder: write_bytes(folder / "file", b"new" * 500),
    "json": lambda folder: write_json(folder / "value.json", {"new": True}),
    "lines": lambda folder: append_lines(folder / "lines.jsonl", [{"n": 1}, {"n": 2}]),
    "journal": lambda folder: append_journal(folder / "journal.jsonl", {"text": "new"}, purpose="a test"),
    "feedback": lambda folder: FeedbackLog(folder / "feedback").add(Feedback("", "", "ada", "What?", "That.", "up")),
    "keys": lambda folder: KeyStore(folder / "keys.jsonl").create("carol", "user", frozenset(), by="ada"),
    "examples": lambda folder: add_row(folder / "examples.jsonl", {"id": "feedback-1", "question": "What?"}),
    "releases": create,
    "audit": lambda folder: AuditLog(parse_settings({}, folder)).record("changed", "new"),
    "fitted": lambda folder: remember_fitted(parse_settings({}, folder), {"rag": "abc"}),
}  # fmt: skip


def prepare(folder: Path) -> None:
    folder.mkdir()
    write_bytes(folder / "file", b"old")
    write_json(folder / "value.json", {"old": True})
    append_lines(folder / "lines.jsonl", [{"n": 0}])
    append_journal(folder / "journal.jsonl", {"text": "old"}, purpose="a test")
    (folder / "examples.jsonl").write_text('{"id": "mine", "question": "Mine?"}\n')


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("verb", VERBS)
def test_a_failing_disk_is_never_acknowledged(tmp_path: Path, verb: str, code: int) -> None:
    prepare(tmp_path / "whole")
    VERBS[verb](tmp_path / "whole")
    whole = state_of(tmp_path / "whole")[verb]
    failed = 0
    for point in range(1, 300):
        folder = tmp_path / str(point)
        prepare(folder)
        before = state_of(folder)
        with failing_disk(Disk(point, code)) as disk:
            try:
                VERBS[verb](folder)
            except OSError as error:
                is_acknowledged, seen = False, error.errno
            else:
                is_acknowledged, seen = True, code
        assert seen == code
        assert is_acknowledged != disk.has_failed, f"operation {point} failed in silence"
        after = state_of(folder)
        if is_acknowledged:
            assert after[verb] != before[verb]
            break
        failed += 1
        # All or nothing: a rename that was done before a later sync failed may show the whole new state, never a part of one.
        assert {key: value for key, value in after.items() if key != verb} == {
            key: value for key, value in before.items() if key != verb
        }
        assert after[verb] in (before[verb], whole)
        if after[verb] == before[verb]:
            VERBS[verb](folder)
            assert state_of(folder)[verb] != before[verb], "after the disk is mended the same verb works"
    assert failed >= 2


def test_half_of_a_line_is_taken_back_when_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_lines(path, [{"n": 0}])
    size = path.stat().st_size
    with failing_disk(Disk(1)), pytest.raises(OSError, match="No space"):
        append_lines(path, [{"n": 1, "text": "x" * 100}])
    assert path.stat().st_size == size


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
from pathlib import Path
from tests.flow.ingest_process import corpus, index
from knowhow.errors import KnowHowError
from knowhow.progress import set_quiet
set_quiet(True)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
folder, state = Path(sys.argv[1]) / "documents", Path(sys.argv[1]) / "state"
try:
    opened = index(state)
    result = corpus(folder, state).sync(opened)
    print("done", result.added)
except (KnowHowError, OSError) as error:
    print("failed", error)
"""


@pytest.mark.parametrize(
    "kilobytes", [60, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 8, 40, 90, 120))]
)
def test_an_index_whose_disk_is_full_says_so_and_stays_whole(tmp_path: Path, kilobytes: int) -> None:
    """The limit is the operating system's own: SQLite sees a write that is refused in the middle."""
    from knowhow.retrieval.engine.checking import find_faults

    (tmp_path / "documents").mkdir()
    for number in range(30):
        text = f"# Part {number}\n\n" + f"Sentence {number} of many. " * 60
        (tmp_path / "documents" / f"{number}.md").write_text(text)

    def run(limit: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, str(tmp_path), str(limit)], cwd=ROOT, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    first = run(kilobytes * 1024)
    path = tmp_path / "state/index.sqlite"
    assert first[0] == "failed", "an index of 30 documents does not fit"
    assert (
        not path.exists()
        or path.stat().st_size == 0
        or all("format unknown" in text or "no such table" in text for text in find_faults(path))
    )
    assert run(1 << 40)[0] == "done"
    assert find_faults(path) == []
    assert json.loads((tmp_path / "state/ingest.jsonl").read_text().splitlines()[0])["name"]
    assert os.listdir(tmp_path / "state")
