"""The examples file as people see it: its rows with the side of the split they fall on, and adding one."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from knowhow.config import Settings
from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.evaluation.examples import parse_example, read_examples
from knowhow.evaluation.splits import TRAIN, split_examples
from knowhow.storage import locked
from knowhow.types import Example
from knowhow.workspace.feedback import add_row


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One example, the line it stands on, and whether it trains or is held out; an empty side where the rows cannot be split."""

    example: Example
    line: int
    side: str


@dataclass(frozen=True, slots=True)
class NewExample:
    """A row to add: an answer, or none where abstaining is right; `document` and `quote` say where the answer stands."""

    question: str
    answer: str = ""
    document: str = ""
    quote: str = ""
    groups: Sequence[str] = ()


def list_examples(settings: Settings) -> list[ExampleRow]:
    """Return every example with its side; empty where there is no file. DataError names rows that cannot be read."""
    path = settings.root / settings.examples.path
    if not path.exists():
        return []
    found = read_examples(path)
    try:
        train = set(split_examples(found.examples, settings.examples.held_out).train)
    except DataError:
        return [ExampleRow(example, found.lines[example.id], "") for example in found.examples]
    return [
        ExampleRow(example, found.lines[example.id], TRAIN if example.id in train else "held_out")
        for example in found.examples
    ]


def add_example(settings: Settings, new: NewExample, *, by: str, documents: Collection[str]) -> str:
    """Add a row to the examples file and return its id.

    NotFoundError for a document that is not among `documents` (those the person may read), PolicyError where the file cannot take a
    row, DataError where the row says too little.
    """
    path = settings.root / settings.examples.path
    if path.exists() and (path.is_dir() or path.suffix.lower() not in {".jsonl", ".ndjson"}):
        raise PolicyError(
            f"Examples are added to JSON lines only, and [examples] path names {path.name}. Convert it to a .jsonl file first."
        )
    if new.document and new.document not in documents:
        raise NotFoundError(
            f"There is no document {new.document[:120]!r} that you may read. See: knowhow list documents"
        )
    if not new.question.strip():
        raise DataError("The example has no question.", mend="Write the question as a person would ask it.")
    answer = new.answer.strip()
    row: dict[str, Any] = {
        "id": f"added-{secrets.token_hex(6)}",
        "question": new.question.strip(),
        "answers": [answer] if answer else [],
        "evidence": [{"document": new.document, "quote": new.quote.strip()}] if new.document else [],
        "groups": sorted(new.groups),
        "metadata": {"added_by": by},
    }
    if not answer:
        row["answerable"] = False
    parse_example(row, source=path.name)
    with locked(settings.state / "examples.lock", purpose="adding an example", wait_seconds=10.0):
        add_row(path, row)
    return str(row["id"])
