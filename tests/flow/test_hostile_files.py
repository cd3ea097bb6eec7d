"""Hostile files among good ones: every good one is indexed, every hostile one is a typed problem or harmless text.

A sample runs by default (4 hostile kinds of each sort among 40 good files); `-m slow` puts 150 hostile files among 1,000.
"""

from __future__ import annotations

import io
import os
import random
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.flow.ingest_process import count_words, index
from tests.unit.corpus.loading import pack, pdf
from tests.unit.corpus.test_office_loaders import docx

from knowhow.config import DocumentSettings
from knowhow.corpus.sync import Corpus
from knowhow.retrieval.engine.checking import find_faults
from knowhow.testing.fakes import FakeEmbedder

pytestmark = pytest.mark.slow

XML = '<?xml version="1.0"?>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


def bomb(megabytes: int) -> bytes:
    return pack({"[Content_Types].xml": "<a/>", "word/document.xml": b"\0" * (megabytes << 20)})


def lying_zip() -> bytes:
    """The directory says that a part unpacks to ten bytes."""
    data = bytearray(bomb(30))
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    return bytes(data)


def nested(depth: int) -> bytes:
    data = b"x" * 1000
    for _ in range(depth):
        data = pack({"a.zip": data})
    return data


def escaping_zip() -> bytes:
    return pack({"../../escaped.txt": "x", "/absolute.txt": "x", "word/document.xml": "<a/>"})


def many_parts() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(21_000):
            archive.writestr(f"word/{number}.xml", "")
    return buffer.getvalue()


def pdf_bomb() -> bytes:
    stream = zlib.compress(b"BT /F1 11 Tf (x) Tj ET\n" * 2_000_000)
    return (
        b"%%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
        b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
        b"4 0 obj\n<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%%%EOF" % (len(stream), stream)
    )  # fmt: skip


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "zip bomb": (".docx", lambda: bomb(60)),
    "lying zip": (".docx", lying_zip),
    "nested zip": (".docx", lambda: nested(6)),
    "escaping zip": (".docx", escaping_zip),
    "many parts": (".docx", many_parts),
    "entities": (".docx", lambda: docx("<w:p/>", f"<!DOCTYPE a [{LAUGHS}]>")),
    "outside entity": (".docx", lambda: docx("<w:p/>", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
    "deep word": (".docx", lambda: docx("<w:p>" * 5000 + "</w:p>" * 5000)),
    "locked office": (".xlsx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + b"\0" * 999),
    "half a workbook": (".xlsx", lambda: pack({"[Content_Types].xml": "<a/>", "xl/workbook.xml": XML + "<workbook/>"})),
    "no slides": (".pptx", lambda: pack({"ppt/presentation.xml": "<p/>"})),
    "odt without content": (".odt", lambda: pack({"mimetype": "application/vnd.oasis.opendocument.text"})),
    "pdf bomb": (".pdf", pdf_bomb),
    "cut pdf": (".pdf", lambda: pdf(["The fee is five dollars."])[:300]),
    "pdf without end": (".pdf", lambda: b"%PDF-1.7\n" + b"1 0 obj\n<< /Kids [1 0 R] >>\n" * 2000),
    "deep json": (".jsonl", lambda: b"[" * 200_000 + b"]" * 200_000 + b"\n"),
    "great numbers": (".jsonl", lambda: b'{"id": "x", "text": ' + b"9" * 100_000 + b"}\n"),
    "no json": (".jsonl", lambda: b'{"id": "x", "text"\n\xff\xfe\n'),
    "deep page": (".html", lambda: b"<div>" * 50_000 + b"x"),
    "unclosed table": (".html", lambda: b"<table>" + b"<tr><td rowspan=65000 colspan=65000>x" * 50),
    "null bytes": (".txt", lambda: b"\0" * 500_000),
    "no text": (".txt", lambda: bytes(range(128, 256)) * 2000),
    "yaml aliases": (".md", lambda: b"---\na: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\ngroups: *c\n---\nx"),
    "doubtful groups": (".md", lambda: b"---\ngroups: {a: [\n---\nx"),
    "long quotes": (".csv", lambda: b'a,b\n"' + b"x," * 400_000),
    "attachment bomb": (".eml", lambda: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 3000),
    "long header": (".eml", lambda: b"Subject: " + b"=?utf-8?q?" + b"=41" * 200_000 + b"?=\n\nx"),
    "empty": (".pdf", lambda: b""),
    "secret link": (".md", lambda: b""),
    "pipe": (".txt", lambda: b""),
}  # fmt: skip
HARMLESS = {"deep page", "unclosed table", "no text", "long quotes", "attachment bomb", "long header", "deep word", "great numbers", "null bytes", "cut pdf", "escaping zip", "pdf bomb"}  # fmt: skip
"""Kinds that a loader may also read as the little text that is in them."""


def put(folder: Path, kind: str, number: int) -> str:
    suffix, build = HOSTILE[kind]
    path = folder / f"hostile-{number:03}-{kind.replace(' ', '-')}{suffix}"
    if kind == "secret link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(build())
    return path.name


def check(tmp_path: Path, good: int, hostile: int) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(good):
        (folder / f"good-{number:04}.md").write_text(
            f"# Fee {number}\n\nThe fee of card {number} is {number} dollars."
        )
    kinds = list(HOSTILE)
    random.Random(7).shuffle(kinds)
    names = {
        put(folder, kinds[number % len(kinds)], number): kinds[number % len(kinds)]
        for number in range(hostile)
    }
    limits = DocumentSettings(timeout_seconds=20.0, memory_megabytes=1024, max_megabytes=32.0)
    corpus = Corpus(
        folder, tmp_path / "state/ingest.jsonl", FakeEmbedder, lambda: count_words, limits, workers=2
    )
    opened = index(tmp_path / "state")
    result = corpus.sync(opened)
    records = {record.source for record in opened.records()}
    opened.close()
    assert len([name for name in records if name.startswith("good")]) == good
    problems = {problem.source.partition("#")[0]: problem for problem in result.problems}
    for name, kind in names.items():
        assert name in problems or kind in HARMLESS, name
        assert name not in records or kind in HARMLESS, name
        if name in problems:
            assert problems[name].reason
            assert problems[name].mend
            assert "passwd" not in problems[name].reason
    assert find_faults(tmp_path / "state/index.sqlite") == []
    assert not (tmp_path / "escaped.txt").exists()
    assert not Path("/absolute.txt").exists()


def test_a_sample_of_hostile_files_holds_nothing_up(tmp_path: Path) -> None:
    check(tmp_path, 40, len(HOSTILE))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_and_fifty_among_a_thousand(tmp_path: Path) -> None:
    check(tmp_path, 1000, 150)
