"""Journals: append-only JSON lines, each with its number and the digest of all lines before it, so that no line can be changed unseen.

What a line says can be redacted: its digest stays, so that the chain still holds, and a later line must declare it.

The end of a journal can be cut off without a trace inside it: keep its head (the last digest) elsewhere to prove that it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.storage import append_lines, digest_json, locked, read_lines, write_bytes

REDACTED = "redacted"
"""The only detail of a redacted line: the number of the line that declares the redaction."""
_DECLARED = "redacts"
_BLOCK = 1 << 16


def link(chain: str, content: Mapping[str, Any]) -> str:
    """Return the digest that a line carries: over the digest of the line before it and its own content."""
    return digest_json([chain, {key: value for key, value in content.items() if key != "chain"}])


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines in order; DataError with the line where one was changed, removed or put in between."""
    chain = ""
    redacted: set[int] = set()
    for number, row in enumerate(read_lines(path), start=1):
        if isinstance(row, dict) and row.get("number") == number and is_redacted(row):
            redacted.add(number)
            chain = str(row["chain"])
            yield row
            continue
        is_whole = (
            isinstance(row, dict) and row.get("number") == number and row.get("chain") == link(chain, row)
        )
        if not is_whole:
            raise DataError(
                "does not follow from the lines before it: the log was edited.",
                source=str(path),
                line=number,
                mend="Restore the file from a backup.",
            )
        chain = row["chain"]
        redacted -= {int(other) for other in row.get("details", {}).get(_DECLARED, ())}
        yield row
    if redacted:
        raise DataError(
            "was redacted, and no later line declares it: the log was edited.",
            source=str(path),
            line=min(redacted),
            mend="Restore the file from a backup.",
        )


def is_redacted(row: Mapping[str, Any]) -> bool:
    """Say whether what a line said was taken out."""
    details = row.get("details")
    return isinstance(details, Mapping) and list(details) == [REDACTED]


def redact_journal(
    path: Path, names: Callable[[Mapping[str, Any]], bool], content: Mapping[str, Any], *, purpose: str
) -> int:
    """Take subject and details out of the lines that `names` chooses; return how many. `content` declares it in a line of its own.

    The declaration comes first: a redaction that was cut short is one that was announced and not carried out yet.
    """
    chosen = [row for row in read_lines(path) if not is_redacted(row) and names(row)]
    if not chosen:
        return 0
    numbers = [int(row["number"]) for row in chosen]
    declared = {**content, "details": {**content.get("details", {}), _DECLARED: numbers}}
    line = append_journal(path, declared, purpose=purpose)
    with locked(path.with_suffix(".lock"), purpose=purpose, wait_seconds=30.0):
        gone = set(numbers)
        rows = [
            _redact(row, int(line["number"])) if row["number"] in gone else row for row in read_lines(path)
        ]
        lines = (json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")) for row in rows)
        write_bytes(path, "".join(f"{text}\n" for text in lines).encode())
    return len(numbers)


def _redact(row: Mapping[str, Any], declared: int) -> dict[str, Any]:
    return {**row, "subject": "", "details": {REDACTED: declared}}


def append_journal(path: Path, content: Mapping[str, Any], *, purpose: str) -> dict[str, Any]:
    """Append one line durably behind the present end, with its number and digest filled in, and return it."""
    with locked(path.with_suffix(".lock"), purpose=purpose, wait_seconds=30.0):
        number, chain = find_head(path)
        row = {**content, "number": number + 1}
        row["chain"] = link(chain, row)
        append_lines(path, [row])
    return row


def find_head(path: Path) -> tuple[int, str]:
    """Return number and digest of the last whole line without reading those before it; (0, "") for an empty journal."""
    line = _last_line(path)
    if not line:
        return 0, ""
    try:
        row = json.loads(line)
        return int(row["number"]), str(row["chain"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "ends in a line that is none of a log.",
            source=str(path),
            mend="See what is wrong with: knowhow fsck",
        ) from error


def _last_line(path: Path) -> bytes:
    """Return the last line that ends in a newline; what stands behind it was never acknowledged."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        tail = b""
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            tail = file.read(end - start) + tail
            end = start
            whole, newline, _ = tail.rpartition(b"\n")
            if newline and (b"\n" in whole or start == 0):
                return whole.rpartition(b"\n")[2]
    return b""
