"""Bytes on disk: atomic files, digests, JSON lines and locks; the only module that knows how bytes reach the disk.

What a function here acknowledged by returning is durable; what was interrupted left the old state.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from knowhow.errors import DataError, PolicyError


def digest(data: bytes | str) -> str:
    """Return the sha256 of bytes or UTF-8 text as 64 hex digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest_file(path: Path) -> str:
    """Return the sha256 of a file's content as 64 hex digits, reading it in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_json(value: Any) -> str:
    """Return the sha256 of a JSON value in canonical form (sorted keys, no spaces)."""
    return digest(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file atomically and durably: after a crash it holds the old or the new bytes, never a mixture."""
    write_blocks(path, (data,))


def write_blocks(path: Path, blocks: Iterable[bytes]) -> str:
    """Replace a file atomically and durably by blocks that need not fit into memory together; return their sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    checksum = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for block in blocks:
                checksum.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    return checksum.hexdigest()


def is_disk_full(error: BaseException) -> bool:
    """Say whether an error means that the disk, or somebody's share of it, is full; also as SQLite says it."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    import sqlite3

    return isinstance(error, sqlite3.Error) and "disk is full" in str(error)


def read_blocks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """Yield a file's bytes in blocks of at most `size`."""
    with path.open("rb") as file:
        while block := file.read(size):
            yield block


def write_text(path: Path, text: str) -> None:
    """Replace a UTF-8 text file atomically and durably."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file atomically: sorted keys, two-space indent, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; DataError names file and line when it is broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(
            f"is not valid JSON ({error.msg}).",
            source=str(path),
            line=error.lineno,
            mend="Mend or delete the file.",
        ) from error


def append_lines(path: Path, rows: Iterable[Any]) -> None:
    """Append JSON rows durably in one write; a torn last line of an earlier crash is cut off first.

    Where writing fails the file is cut back to what it was: rows that were not acknowledged do not turn up later.
    """
    text = "".join(
        json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
    )
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("ab+") as file:
        _cut_torn_line(file)
        before = file.seek(0, os.SEEK_END)
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                os.ftruncate(file.fileno(), before)
            raise
    if is_new:
        sync_directory(path.parent)


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the JSON rows written by `append_lines`; a torn last line was never acknowledged and is skipped."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"is not valid JSON ({error.msg}).",
                    source=str(path),
                    line=number,
                    mend="Mend or delete the line.",
                ) from error


@contextmanager
def locked(path: Path, *, purpose: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path` between processes; PolicyError says what is going on when another process holds it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout as error:
        raise PolicyError(
            f"Another process is busy with {purpose} (lock {path}). Wait until it has finished, then try again."
        ) from error
    try:
        yield
    finally:
        lock.release()


def sync_directory(path: Path) -> None:
    """Make a rename or a new name in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut_torn_line(file: Any) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    keep = file.read().rfind(b"\n") + 1
    file.truncate(keep)
    file.seek(0, os.SEEK_END)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
