"""Damaged files of every format give text or one typed problem each; the pool never loses its place."""

import io
import random
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from pptx import Presentation
from tests.unit.corpus.loading import pdf

from knowhow.corpus.folder import scan_folder
from knowhow.corpus.pool import Limits, ParserPool, Task

WORDS = "The fee for a replacement card is ten dollars and is charged at once. " * 20


def workbook() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in range(30):
        book.active.append([f"row {row}", row, WORDS[:40]])
    book.save(buffer)
    return buffer.getvalue()


def deck() -> bytes:
    slides, buffer = Presentation(), io.BytesIO()
    slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = WORDS
    slides.save(buffer)
    return buffer.getvalue()


def mail() -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@example.org", "Gebühren"
    message.set_content(WORDS + "ä")
    message.add_attachment(WORDS.encode(), maintype="text", subtype="csv", filename="ä.csv")
    return message.as_bytes()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "xlsx": workbook,
    "pptx": deck,
    "eml": mail,
    "pdf": lambda: pdf(["\n".join(WORDS.split(". ")[:12])], [("The fee", 0)]),
    "html": lambda: (
        f"<html><body><h1>x</h1><table><tr><td rowspan=2>{WORDS}</td></tr></table></body>".encode()
    ),
    "md": lambda: f"---\ntitle: T\n---\n# H\n\n{WORDS}".encode(),
    "csv": lambda: f'a,b\n"{WORDS}",2\n'.encode(),
    "jsonl": lambda: "".join(f'{{"id": {row}, "text": "{WORDS}"}}\n' for row in range(5)).encode(),
}


def damage(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    kind = chance.randrange(4)
    if kind == 0:
        return data[: place + 1]
    if kind == 1:
        flipped = bytearray(data)
        for _ in range(20):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        return bytes(flipped)
    if kind == 2:
        return data[:place] + data[place + chance.randrange(1, 500) :] + b"x"
    return data[:place] + chance.randbytes(200) + data[place:]


@pytest.mark.parametrize("suffix", SAMPLES)
def test_damaged_files_give_text_or_a_typed_problem(tmp_path: Path, suffix: str) -> None:
    chance = random.Random(suffix)
    whole = SAMPLES[suffix]()
    (tmp_path / f"whole.{suffix}").write_bytes(whole)
    for number in range(8):
        (tmp_path / f"damaged{number}.{suffix}").write_bytes(damage(whole, chance))
    files = scan_folder(tmp_path).files
    assert len(files) == 9
    with ParserPool(1, Limits(timeout_seconds=30)) as pool:
        results = {
            task.name: parsed for task, parsed in pool.parse(Task(f.path, f.name, f.loader) for f in files)
        }
    for parsed in results.values():
        assert parsed.documents or parsed.problems
        assert all(document["text"].strip() for document in parsed.documents)
        assert all(problem["kind"] not in ("timeout", "memory", "crashed") for problem in parsed.problems)
        assert all(problem["reason"] and problem["mend"] for problem in parsed.problems)
    assert results[f"whole.{suffix}"].problems == []
