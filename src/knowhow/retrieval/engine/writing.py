"""One update inside a write transaction: documents replaced, chunks, vectors and postings added, nothing left of what went."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from knowhow.errors import DataError
from knowhow.passages import passage_text
from knowhow.retrieval.analysis import analyze
from knowhow.retrieval.engine.database import read_setting, write_setting
from knowhow.retrieval.engine.rows import chunk_row, document_row, encode_groups, text_row
from knowhow.retrieval.engine.vectors import normalise
from knowhow.types import Chunk, Document

if TYPE_CHECKING:
    from knowhow.protocols import Matrix

_LOG_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Update:
    """A checked change with its analysed chunks, ready to be written."""

    documents: Sequence[Document]
    chunks: Sequence[Chunk]
    vectors: Matrix
    terms: Sequence[Counter[str]]
    deleted: frozenset[str]


def prepare(
    documents: Sequence[Document], chunks: Sequence[Chunk], vectors: Matrix, deleted: Collection[str]
) -> Update:
    """Check that everything fits together, analyse the chunks and bring vectors to length 1; DataError names the document or chunk that does not."""
    groups = {document.id: document.groups for document in documents}
    if len(groups) != len(documents):
        twice = next(name for name, count in Counter(item.id for item in documents).items() if count > 1)
        raise DataError("the document occurs twice in one update.", source=twice, mend="Pass it once.")
    if len(vectors) != len(chunks):
        raise DataError(
            f"{len(chunks)} chunks came with {len(vectors)} vectors.", mend="Pass one vector per chunk."
        )
    seen: set[str] = set()
    for chunk in chunks:
        if chunk.id in seen:
            raise DataError("the chunk occurs twice in one update.", source=chunk.id, mend="Pass it once.")
        seen.add(chunk.id)
        if chunk.document_id not in groups:
            raise DataError(
                f"its document '{chunk.document_id}' is not part of the update.",
                source=chunk.id,
                mend="Pass the document with all its chunks.",
            )
        if chunk.groups != groups[chunk.document_id]:
            raise DataError(
                "its groups differ from those of its document.",
                source=chunk.id,
                mend="Give chunk and document the same groups.",
            )
    if len(vectors) and not np.isfinite(vectors).all():
        raise DataError("a vector holds a value that is not a number.", mend="Check the embedder.")
    terms = [Counter(analyze(passage_text(chunk))) for chunk in chunks]
    return Update(documents, chunks, normalise(vectors), terms, frozenset(deleted))


def apply(connection: sqlite3.Connection, update: Update) -> bool:
    """Write the update and advance the generation; return whether anything was removed."""
    generation = int(read_setting(connection, "generation") or 0) + 1
    gone = update.deleted | {document.id for document in update.documents}
    has_removed = _remove(connection, sorted(gone), generation)
    audiences = _number_audiences(connection, {document.groups for document in update.documents})
    ingested = datetime.now(UTC).isoformat(timespec="seconds")
    sizes = Counter(chunk.document_id for chunk in update.chunks)
    connection.executemany(
        f"INSERT INTO documents VALUES ({','.join('?' * 10)})",
        (
            document_row(document, audiences[document.groups], sizes[document.id], ingested)
            for document in update.documents
        ),
    )
    connection.executemany("INSERT INTO texts VALUES (?, ?, ?)", map(text_row, update.documents))
    numbers = _insert_chunks(connection, update.chunks, audiences)
    if update.vectors.size:
        connection.executemany(
            "INSERT INTO vectors VALUES (?, ?)",
            (
                (number, row.astype("<f4").tobytes())
                for number, row in zip(numbers, update.vectors, strict=True)
            ),
        )
    _insert_postings(connection, numbers, update.terms)
    connection.execute("DELETE FROM terms WHERE chunks <= 0")
    connection.execute("DELETE FROM audiences WHERE id NOT IN (SELECT DISTINCT audience FROM documents)")
    _shorten_log(connection, generation)
    write_setting(connection, "generation", str(generation))
    return has_removed


def _remove(connection: sqlite3.Connection, documents: Sequence[str], generation: int) -> bool:
    numbers: list[int] = []
    has_removed = False
    for document in documents:
        rows = connection.execute("SELECT number FROM chunks WHERE document = ?", (document,)).fetchall()
        numbers += [row[0] for row in rows]
        connection.execute("DELETE FROM chunks WHERE document = ?", (document,))
        cursor = connection.execute("DELETE FROM documents WHERE id = ?", (document,))
        connection.execute("DELETE FROM texts WHERE document = ?", (document,))
        has_removed = has_removed or cursor.rowcount > 0
    _forget_terms(connection, numbers)
    keys = [(number,) for number in numbers]
    connection.executemany("DELETE FROM vectors WHERE number = ?", keys)
    connection.executemany("DELETE FROM postings WHERE number = ?", keys)
    connection.executemany("INSERT INTO removed VALUES (?, ?)", [(generation, number) for number in numbers])
    return has_removed


def _forget_terms(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    less: Counter[int] = Counter()
    for number in numbers:
        row = connection.execute("SELECT terms FROM postings WHERE number = ?", (number,)).fetchone()
        less.update(np.frombuffer(row[0], dtype="<u4").tolist())
    connection.executemany(
        "UPDATE terms SET chunks = chunks - ? WHERE id = ?", [(count, term) for term, count in less.items()]
    )


def _number_audiences(
    connection: sqlite3.Connection, groups: Iterable[frozenset[str]]
) -> dict[frozenset[str], int]:
    numbers: dict[frozenset[str], int] = {}
    for names in groups:
        text = encode_groups(names)
        connection.execute("INSERT OR IGNORE INTO audiences (groups) VALUES (?)", (text,))
        row = connection.execute("SELECT id FROM audiences WHERE groups = ?", (text,)).fetchone()
        numbers[names] = int(row[0])
    return numbers


def _insert_chunks(
    connection: sqlite3.Connection, chunks: Sequence[Chunk], audiences: dict[frozenset[str], int]
) -> list[int]:
    numbers: list[int] = []
    for chunk in chunks:
        try:
            cursor = connection.execute(
                "INSERT INTO chunks (id, document, start, stop, audience, page, heading, title, source, language, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                chunk_row(chunk, audiences[chunk.groups]),
            )
        except sqlite3.IntegrityError as error:
            raise DataError(
                "the chunk's id is taken by a chunk of another document.",
                source=chunk.id,
                mend="Make chunk ids unique by starting them with the document's id.",
            ) from error
        numbers.append(int(cursor.lastrowid or 0))
    return numbers


def _insert_postings(
    connection: sqlite3.Connection, numbers: Sequence[int], terms: Sequence[Counter[str]]
) -> None:
    frequencies: Counter[str] = Counter()
    for counted in terms:
        frequencies.update(counted.keys())
    connection.executemany(
        "INSERT INTO terms (term, chunks) VALUES (?, ?) ON CONFLICT (term) DO UPDATE SET chunks = chunks + excluded.chunks",
        sorted(frequencies.items()),
    )
    known: dict[str, int] = {}
    for term in frequencies:
        known[term] = connection.execute("SELECT id FROM terms WHERE term = ?", (term,)).fetchone()[0]
    connection.executemany(
        "INSERT INTO postings VALUES (?, ?, ?, ?)",
        (
            (
                number,
                counted.total(),
                np.array([known[term] for term in counted], dtype="<u4").tobytes(),
                np.minimum(np.array(list(counted.values()), dtype=np.int64), 65535).astype("<u2").tobytes(),
            )
            for number, counted in zip(numbers, terms, strict=True)
        ),
    )


def _shorten_log(connection: sqlite3.Connection, generation: int) -> None:
    # Readers that are further behind than the log reaches load everything again.
    if connection.execute("SELECT count(*) FROM removed").fetchone()[0] > _LOG_ROWS:
        connection.execute("DELETE FROM removed")
        write_setting(connection, "log_floor", str(generation))
