"""Datasets directories as the datasets library wrote them (version 5.2, kept in `datasets/`): shards, splits, class labels, Parquet."""

from __future__ import annotations

import builtins
import shutil
from pathlib import Path
from typing import Any

import pytest

from knowhow.errors import DataError, MissingDependencyError
from knowhow.evaluation.examples import read_examples

pytest.importorskip("pyarrow", reason="datasets directories need the datasets extra")
FOLDER = Path(__file__).parent / "datasets"


def test_shards_are_read_in_order_with_labels_by_name() -> None:
    found = read_examples(FOLDER / "one").examples
    # The second of five rows had been filtered out before saving.
    assert [item.question for item in found] == [f"Plain question {place}?" for place in (0, 2, 3, 4)]
    assert [item.references for item in found][1] == ("Plain answer 2",)
    assert [item.intent for item in found] == ["fees", "fees", "hours", "fees"]


@pytest.mark.parametrize("name", ["several", "parquet"])
def test_splits_are_kept(name: str) -> None:
    found = read_examples(FOLDER / name).examples
    splits = {item.question.split()[0]: item.split for item in found}
    assert splits == {"Train": "train", "Test": "held_out"}
    assert len(found) == 5


def test_damage_is_named_with_file_and_mend(tmp_path: Path) -> None:
    for name, damage in (
        ("data-00001-of-00002.arrow", b"ARROW?"),
        ("state.json", b"{"),
        ("state.json", b'{"_data_files": [{"filename": "../secret.arrow"}]}'),
    ):
        copy = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(FOLDER / "one", copy)
        (copy / name).write_bytes(damage)
        with pytest.raises(DataError, match=name):
            read_examples(copy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"neither one written by datasets\.save_to_disk nor"):
        read_examples(tmp_path / "empty")


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"pip install 'knowhow-ai\[datasets\]'"):
        read_examples(FOLDER / "one")
