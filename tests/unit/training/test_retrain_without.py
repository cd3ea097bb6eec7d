"""Retraining after a purge: bit by bit the adapter that would have come out had the document never been there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.deletion.learners import find_words, make_workspace, places_of, token

from knowhow.storage import digest_file, read_json
from knowhow.training.adapters import MANIFEST, WEIGHTS
from knowhow.workspace import Workspace

PURGED = 1
SETTINGS = """[retrieval]
k = 1
[training]
base_model = "{model}"
rank = 4
epochs = 1.0
threads = 1
precision = "fp32"
[strategy.finetuned]
parity_tokens = 900
seed = {seed}
[strategy.finetuned_rag]
seed = {seed}
"""


def learned(root: Path, strategy: str) -> tuple[str, str, object]:
    """Return the digests of weights and rows, and the manifest, of what a strategy learned last."""
    folder = (
        root
        / ".knowhow"
        / "cache"
        / "fitted"
        / read_json(root / ".knowhow" / "fitted" / f"{strategy}.json")["folder"]
    )
    return (
        digest_file(folder / "adapter" / WEIGHTS),
        digest_file(folder / "rows.jsonl"),
        read_json(folder / "adapter" / MANIFEST),
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("strategy", ["finetuned", "finetuned_rag"])
def test_retrained_without_equals_never_trained_on(
    tiny_model: Path, tmp_path: Path, strategy: str, seed: int
) -> None:
    extra = SETTINGS.format(model=tiny_model, seed=seed)
    name = f"{token(PURGED, 'file')}.md"
    with_it = make_workspace(tmp_path / "with", extra=extra)
    with Workspace(with_it) as workspace:
        workspace.train(strategy)
        before = learned(with_it, strategy)
        assert name in before[2]["documents"]
        assert workspace.lineage(name).named("adapter")
        receipt = workspace.purge([name], with_sources=True, retrain=True)
    assert (receipt.retrained, receipt.is_clean) == ((strategy,), True)
    assert find_words(with_it, places_of(PURGED)) == []
    after = learned(with_it, strategy)

    never = make_workspace(tmp_path / "never", extra=extra)
    (never / "documents" / name).unlink()
    examples = [
        line
        for line in (never / "examples.jsonl").read_text().splitlines()
        if json.loads(line)["id"] != f"e{PURGED:04d}"
    ]
    (never / "examples.jsonl").write_text("\n".join(examples) + "\n")
    with Workspace(never) as workspace:
        workspace.ingest(rebuild=True)
        workspace.train(strategy)
    assert after == learned(never, strategy)
    assert after[0] != before[0]


@pytest.mark.parametrize("is_grounded", [True, False])
def test_rows_without_equal_rows_that_never_held_it(tmp_path: Path, is_grounded: bool) -> None:
    """The quick half of the proof: equal rows, and training is a function of its rows (see test_trainer)."""
    extra = f"[strategy.scholar]\nis_grounded = {str(is_grounded).lower()}\n[retrieval]\nk = 3\n"
    name = f"{token(PURGED, 'file')}.md"
    with_it = make_workspace(tmp_path / "with", extra=extra)
    with Workspace(with_it) as workspace:
        workspace.train("scholar")
        before = learned(with_it, "scholar")
        assert workspace.lineage(name).named("adapter")
        assert workspace.purge([name], with_sources=True).is_clean
        workspace.train("scholar")
    never = make_workspace(tmp_path / "never", extra=extra)
    (never / "documents" / name).unlink()
    rows = (never / "examples.jsonl").read_text().splitlines(keepends=True)
    (never / "examples.jsonl").write_text(
        "".join(row for row in rows if json.loads(row)["id"] != f"e{PURGED:04d}")
    )
    with Workspace(never) as workspace:
        workspace.ingest(rebuild=True)
        workspace.train("scholar")
    assert learned(with_it, "scholar") == learned(never, "scholar") != before
