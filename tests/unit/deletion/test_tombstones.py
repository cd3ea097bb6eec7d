"""Tombstones and receipts: they know what was purged and give nothing of it away."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowhow.deletion.receipts import Receipt, find_receipt, last_receipt, sign_receipt
from knowhow.deletion.scanning import Scan
from knowhow.deletion.tombstones import (
    FILE_NAME,
    Tombstones,
    append_tombstones,
    lift_tombstone,
    make_tombstone,
    read_tombstones,
)
from knowhow.errors import DataError, NotFoundError
from knowhow.storage import read_json, write_json


def bury(root: Path, name: str, text: str = "Some words of the document.") -> str:
    stone = make_tombstone(
        read_tombstones(root).salt,
        {"id": [name], "source": [name], "text": [text], "example": ["e1"], "alias": [""]},
    )
    append_tombstones(root, [stone])
    return stone.id


def test_a_tombstone_covers_id_source_and_wording_and_holds_none_of_them(tmp_path: Path) -> None:
    first = bury(tmp_path, "hr/secret-name.md")
    bury(tmp_path, "other.md", "Other words.")
    stones = read_tombstones(tmp_path)
    assert stones.find("id", "hr/secret-name.md") == stones.stones[first]
    for identifier, source, text in (
        ("hr/secret-name.md", "", ""),
        ("x#1", "hr/secret-name.md", ""),
        ("renamed.md", "renamed.md", "SOME  words of\nthe document."),
    ):
        found = stones.find_document(identifier, source, text)
        assert found is not None
        assert found.id == first
    assert stones.find_document("renamed.md", "renamed.md", "Some words of a document.") is None
    assert stones.find_document("renamed.md", "renamed.md", "") is None
    assert stones.find("example", "e1") is not None
    assert stones.find("id", "e1") is None
    assert not {"secret", "words"} & set((tmp_path / FILE_NAME).read_text().replace('"', "-").split("-"))
    assert len({stone.salt for stone in stones.stones.values()}) == 1
    assert not Tombstones()
    assert Tombstones().find_document("a") is None


def test_a_tombstone_can_be_lifted_and_the_file_cannot_be_garbled(tmp_path: Path) -> None:
    name = bury(tmp_path, "a.md")
    assert lift_tombstone(tmp_path, "a.md", "the new version is harmless").id == name
    assert not read_tombstones(tmp_path)
    with pytest.raises(NotFoundError, match="was purged here"):
        lift_tombstone(tmp_path, "a.md", "again")
    (tmp_path / FILE_NAME).write_text('{"id": 1}\n')
    with pytest.raises(DataError, match="is no tombstone"):
        read_tombstones(tmp_path)


def test_a_receipt_is_signed_and_names_the_one_before(tmp_path: Path) -> None:
    assert last_receipt(tmp_path) == ""
    common = ("2026-01-01T00:00:00Z", "ada", "asked for", ("t1",), {"chunks": 3}, (), (), {}, 0)
    sign_receipt(Receipt("r1", *common, Scan(3, 100, 20)), tmp_path)
    second = Receipt(
        "r2", "2026-01-02T00:00:00Z", *common[1:], Scan(3, 9, 2, (("a", 1),)), previous=last_receipt(tmp_path)
    )
    sign_receipt(second, tmp_path)
    assert (second.is_clean, second.scan.hits) == (False, 1)
    value, is_right = find_receipt(tmp_path, "r2")
    assert (is_right, value["scan"]["remains"], len(value["previous"])) == (True, [["a", 1]], 64)
    assert find_receipt(tmp_path, "t1")[0]["id"] == "r1"
    write_json(tmp_path / "r1.json", {**read_json(tmp_path / "r1.json"), "reason": "another"})
    assert find_receipt(tmp_path, "r1")[1] is False
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    with pytest.raises(NotFoundError, match="no receipt"):
        find_receipt(tmp_path, "r3")
