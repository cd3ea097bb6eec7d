"""What the last ingest saw of each file: a cache that spares reading unchanged files; the index stays the record of truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.storage import append_lines, digest_json, read_lines, write_bytes
from knowhow.types import IngestProblem


@dataclass(frozen=True, slots=True)
class FileState:
    """One file as ingested: `documents` is the digest of the ids and digests that it put into the index."""

    name: str
    stamp: str
    digest: str
    settings: str
    documents: str
    problems: tuple[IngestProblem, ...] = ()


def read_states(path: Path) -> dict[str, FileState]:
    """Return the last state of every file; a damaged cache counts as empty."""
    try:
        rows: list[Any] = list(read_lines(path))
        return {
            row["name"]: FileState(
                **{**row, "problems": tuple(IngestProblem(**item) for item in row["problems"])}
            )
            for row in rows
        }
    except (DataError, KeyError, TypeError, UnicodeDecodeError):
        return {}


def append_states(path: Path, states: Iterable[FileState]) -> None:
    """Add states durably; a later row of the same file replaces an earlier one."""
    append_lines(path, [asdict(state) for state in states])


def compact_states(path: Path, states: Mapping[str, FileState]) -> None:
    """Replace the cache by exactly these states, atomically."""
    import json

    lines = [json.dumps(asdict(states[name]), ensure_ascii=False) + "\n" for name in sorted(states)]
    write_bytes(path, "".join(lines).encode())


def digest_documents(pairs: Iterable[tuple[str, str]]) -> str:
    """Return one digest for the (id, digest) pairs of a file's documents, whatever their order."""
    return digest_json(sorted(pairs))
