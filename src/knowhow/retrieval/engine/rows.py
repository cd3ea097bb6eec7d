"""Database rows <-> documents, records and chunks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from knowhow.types import Chunk, Document, DocumentRecord, Region

CHUNK_COLUMNS = (
    "chunks.number, chunks.id, chunks.document, chunks.start, chunks.stop, chunks.page, chunks.heading, chunks.title, "
    "chunks.source, chunks.language, chunks.text, audiences.groups"
)
_RECORD_COLUMNS = (
    "documents.id, documents.source, documents.title, documents.digest, audiences.groups, documents.language, "
    "documents.chunks, documents.characters, documents.ingested, documents.metadata"
)
_BLOCK = 500


def encode_groups(groups: Iterable[str]) -> str:
    """Return the canonical JSON text of a set of groups."""
    return json.dumps(sorted(groups), ensure_ascii=False)


@lru_cache(maxsize=4096)
def decode_groups(text: str) -> frozenset[str]:
    """Return the set of groups of its canonical JSON text."""
    return frozenset(json.loads(text))


def document_row(document: Document, audience: int, chunks: int, ingested: str) -> tuple[Any, ...]:
    """Return the values of a `documents` row in table order."""
    return (
        document.id,
        document.source,
        document.title,
        document.digest,
        document.language,
        audience,
        chunks,
        len(document.text),
        ingested,
        json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
    )


def text_row(document: Document) -> tuple[str, str, str]:
    """Return the values of a `texts` row, which stands apart so that listing documents reads no text."""
    regions = [[region.start, region.end, region.page, region.heading] for region in document.regions]
    return document.id, document.text, json.dumps(regions, ensure_ascii=False)


def chunk_row(chunk: Chunk, audience: int) -> tuple[Any, ...]:
    """Return the values of a `chunks` row after its number, in table order."""
    return (
        chunk.id,
        chunk.document_id,
        chunk.start,
        chunk.end,
        audience,
        chunk.page,
        json.dumps(chunk.heading, ensure_ascii=False),
        chunk.title,
        chunk.source,
        chunk.language,
        chunk.text,
    )


def read_records(connection: sqlite3.Connection) -> list[DocumentRecord]:
    """Return every document without its text, ordered by id."""
    rows = connection.execute(
        f"SELECT {_RECORD_COLUMNS} FROM documents JOIN audiences ON audiences.id = documents.audience ORDER BY documents.id"
    )
    return [
        DocumentRecord(
            row[0], row[1], row[2], row[3], decode_groups(row[4]), row[5], row[6], row[7], row[8], json.loads(row[9])
        )
        for row in rows
    ]  # fmt: skip


def read_document(connection: sqlite3.Connection, document_id: str) -> Document | None:
    """Return one whole document, or None."""
    row = connection.execute(
        "SELECT documents.id, title, text, source, groups, language, digest, regions, metadata "
        "FROM documents JOIN audiences ON audiences.id = documents.audience "
        "JOIN texts ON texts.document = documents.id WHERE documents.id = ?",
        (document_id,),
    ).fetchone()
    if row is None:
        return None
    regions = tuple(
        Region(start, end, page, tuple(heading)) for start, end, page, heading in json.loads(row[7])
    )
    return Document(
        row[0], row[1], row[2], row[3], decode_groups(row[4]), row[5], row[6], regions, json.loads(row[8])
    )


def read_chunks(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, Chunk]:
    """Return chunks by their ids; unknown ids are left out."""
    found: dict[str, Chunk] = {}
    for start in range(0, len(names), _BLOCK):
        block = names[start : start + _BLOCK]
        rows = connection.execute(
            f"SELECT {CHUNK_COLUMNS} FROM chunks JOIN audiences ON audiences.id = chunks.audience "
            f"WHERE chunks.id IN ({','.join('?' * len(block))})",
            block,
        )
        found.update((row[1], make_chunk(row)) for row in rows)
    return found


def iterate_chunks(connection: sqlite3.Connection) -> Iterator[Chunk]:
    """Yield every chunk ordered by document and position."""
    rows = connection.execute(
        f"SELECT {CHUNK_COLUMNS} FROM chunks JOIN audiences ON audiences.id = chunks.audience "
        "ORDER BY chunks.document, chunks.start, chunks.number"
    )
    for row in rows:
        yield make_chunk(row)


def make_chunk(row: Sequence[Any]) -> Chunk:
    """Build a chunk from the values of CHUNK_COLUMNS."""
    _, chunk_id, document, start, stop, page, heading, title, source, language, text, groups = row
    return Chunk(
        chunk_id,
        document,
        text,
        start,
        stop,
        decode_groups(groups),
        title,
        source,
        _decode_heading(heading),
        page,
        language,
    )


@lru_cache(maxsize=4096)
def _decode_heading(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
