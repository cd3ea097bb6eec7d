"""Is an index file whole: SQLite's own check, and everything that its rows promise each other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from knowhow.retrieval.engine.database import SCHEMA_VERSION

_PROMISES = (
    ("{} documents without their text", "SELECT count(*) FROM documents WHERE id NOT IN (SELECT document FROM texts)"),
    ("{} texts without a document", "SELECT count(*) FROM texts WHERE document NOT IN (SELECT id FROM documents)"),
    ("{} chunks without a document", "SELECT count(*) FROM chunks WHERE document NOT IN (SELECT id FROM documents)"),
    ("{} chunks without a vector", "SELECT count(*) FROM chunks WHERE number NOT IN (SELECT number FROM vectors)"),
    ("{} vectors without a chunk", "SELECT count(*) FROM vectors WHERE number NOT IN (SELECT number FROM chunks)"),
    ("{} chunks without terms", "SELECT count(*) FROM chunks WHERE number NOT IN (SELECT number FROM postings)"),
    ("{} lists of terms without a chunk", "SELECT count(*) FROM postings WHERE number NOT IN (SELECT number FROM chunks)"),
    (
        "{} documents with another number of chunks than they say",
        "SELECT count(*) FROM documents d WHERE d.chunks <> (SELECT count(*) FROM chunks c WHERE c.document = d.id)",
    ),
    (
        "{} documents of another length than they say",
        "SELECT count(*) FROM documents d JOIN texts t ON t.document = d.id WHERE d.characters <> length(t.text)",
    ),
    (
        "{} chunks that are not the stretch of their document that they name",
        "SELECT count(*) FROM chunks c JOIN texts t ON t.document = c.document "
        "WHERE c.text <> substr(t.text, c.start + 1, c.stop - c.start)",
    ),
    (
        "{} chunks readable by others than their document",
        "SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.document WHERE c.audience <> d.audience",
    ),
    (
        "{} documents with readers that are not listed",
        "SELECT count(*) FROM documents WHERE audience NOT IN (SELECT id FROM audiences)",
    ),
    ("{} sizes of vectors more than one", "SELECT max(0, count(DISTINCT length(vector)) - 1) FROM vectors"),
)  # fmt: skip


def find_faults(path: Path) -> list[str]:
    """Return what is wrong with an index file, nothing where it is whole; the file is only read."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
    except sqlite3.Error as error:
        return [f"cannot be opened ({error})"]
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        if found != ["ok"]:
            return found
        schema = connection.execute("SELECT value FROM settings WHERE key = 'schema'").fetchone()
        if schema is None or schema[0] != SCHEMA_VERSION:
            return [f"has format {schema[0] if schema else 'unknown'} instead of {SCHEMA_VERSION}"]
        counts = ((text, connection.execute(query).fetchone()[0]) for text, query in _PROMISES)
        return [text.format(count) for text, count in counts if count]
    except sqlite3.Error as error:
        return [f"cannot be read ({error})"]
    finally:
        connection.close()
