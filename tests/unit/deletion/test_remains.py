"""What marks a document, and finding it again in bytes of any form."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.deletion.passages import byte_patterns, choose_passages, choose_vectors, describe_document
from knowhow.deletion.patterns import PatternSet
from knowhow.deletion.scanning import scan_folder
from knowhow.types import Document, Region

LETTER = Document(
    "hr/leaver-kowalczyk.md",
    "Agreement with Kowalczyk",
    'The "parties" agree on a payment of 41,250 & more.\nReference zq81mmk20xp7 must be quoted in every letter about this case.',
    "hr/leaver-kowalczyk.md",
    regions=(Region(0, 10, heading=("Settlement terms",)),),
    metadata={"author": "Przemyslawa Nowak"},
)
NOTICE = Document(
    "通知.md",
    "离职通知",
    "员工王小明于二〇二六年三月一日离职,补偿金为四万一千二百五十元,双方不得对外披露任何条款。",
    "通知.md",
)


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=300),
    patterns=st.lists(st.binary(min_size=8, max_size=24), max_size=6),
    cuts=st.lists(st.tuples(st.integers(0, 290), st.integers(8, 30)), max_size=4),
)
def test_finds_exactly_what_a_plain_search_finds(
    data: bytes, patterns: list[bytes], cuts: list[tuple[int, int]]
) -> None:
    wanted = PatternSet([*patterns, *(data[start : start + size] for start, size in cuts)])
    found = {wanted.patterns[number] for number in wanted.find(data)}
    assert found == {pattern for pattern in wanted.patterns if pattern in data}


def test_patterns_across_blocks_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowhow.deletion.patterns._BLOCK", 16)
    path = tmp_path / "file"
    path.write_bytes(b"x" * 11 + b"across the border" + b"y" * 9)
    wanted = PatternSet([b"across the border", b"not in the file"])
    assert [wanted.patterns[number] for number in wanted.find_in_file(path)] == [b"across the border"]


@pytest.mark.parametrize("document", [LETTER, NOTICE], ids=["english", "chinese"])
def test_every_form_on_disk_is_found(document: Document, tmp_path: Path) -> None:
    found = choose_passages([document], ["Another letter about a payment."])
    assert found.texts
    assert not found.shared
    patterns = byte_patterns(found.texts)
    page = f"<p>{document.text}</p>".replace("&", "&amp;").replace('"', "&#34;")
    forms = {
        "plain.txt": document.text.encode(),
        "wide.bin": document.text.encode("utf-16-le"),
        "network.bin": document.text.encode("utf-16-be"),
        "ascii.json": json.dumps({"t": document.text}).encode(),
        "lines.jsonl": json.dumps({"t": document.text}, ensure_ascii=False).encode(),
        "page.html": page.encode(),
        "coded.txt": base64.b64encode(b"12345" + document.text.encode()),
        "title.txt": document.title.encode(),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(b"before " + data + b" after")
    (tmp_path / "innocent.txt").write_bytes(b"Another letter about a payment of 12.")
    scan = scan_folder(tmp_path, patterns)
    assert {name for name, _ in scan.remains} == forms.keys()
    assert scan.files == len(forms) + 1
    named = tmp_path / "sub" / "zq81mmk20xp7.part"
    named.parent.mkdir()
    named.touch()
    if document is LETTER:
        assert "sub/zq81mmk20xp7.part" in dict(scan_folder(tmp_path, patterns).remains)


def test_what_other_documents_hold_marks_nothing() -> None:
    others = [text for document in (LETTER,) for text in describe_document(document)]
    assert (
        choose_passages([LETTER], others) == choose_passages([], others)
        or not choose_passages([LETTER], others).texts
    )
    twin = Document("copy.md", "Copy", LETTER.text, "copy.md")
    found = choose_passages([twin], others)
    assert found.texts == ()
    assert found.shared > 0
    lowered = choose_passages([LETTER], ["REFERENCE ZQ81MMK20XP7"])
    assert "zq81mmk20xp7" not in lowered.texts


def test_vectors_are_data(tmp_path: Path) -> None:
    vector = bytes(range(64))
    (tmp_path / "index").write_bytes(b"header" + vector)
    assert scan_folder(tmp_path, byte_patterns([], [vector])).hits == 1
    assert choose_vectors([bytes(8) + vector, bytes(64)], [vector[:40] + bytes(9)]) == [vector.lstrip(b"\0")]
    assert choose_vectors([vector], [vector]) == []
    assert scan_folder(tmp_path, byte_patterns([], [bytes(64)])).hits == 0
    assert scan_folder(tmp_path, byte_patterns([], [vector]), lambda path: path.name == "index").files == 0
