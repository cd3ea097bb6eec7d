"""A release as one tar archive: regular files with plain names only, every size and digest checked while it is read.

Archives are plain tar without compression, so that what a hostile one unpacks to is never larger than itself.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from knowhow.errors import DataError
from knowhow.releases.release import Release, check_path
from knowhow.storage import read_blocks, write_blocks

_MANIFEST, _FITTED = "release.json", "fitted/"


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold at most."""

    files: int = 4096
    file_bytes: int = 8 << 30
    total_bytes: int = 16 << 30
    manifest_bytes: int = 4 << 20


def write_archive(target: Path, manifest: Path, fitted: Path, release: Release) -> None:
    """Write manifest and files with fixed times and owners; DataError when a name does not fit the format."""
    members = [(_MANIFEST, manifest), *((_FITTED + file.path, fitted / file.path) for file in release.files)]
    write_blocks(target, _archive_blocks(members))


def unpack_archive(archive: Path, folder: Path, limits: ArchiveLimits) -> Any:
    """Write the files of an archive under `folder`/fitted and return its manifest; DataError at the first thing that is not right."""
    source = str(archive)
    manifest: Any = None
    seen: set[str] = set()
    folders: set[str] = set()
    total = 0
    with archive.open("rb") as file:
        while (member := _read_header(file, source)) is not None:
            check_path(member.name, source)
            total += member.size
            name = member.name.lower()
            above = {str(parent) for parent in PurePosixPath(name).parents}
            if name in seen | folders or above & seen:
                raise DataError(f"holds {member.name!r} twice.", source=source)
            if len(seen) >= limits.files:
                raise DataError(f"holds more than {limits.files} files.", source=source)
            if member.size > limits.file_bytes or total > limits.total_bytes:
                raise DataError(f"holds {member.name!r}, which is too large.", source=source)
            seen.add(name)
            folders |= above
            if member.name == _MANIFEST and member.size <= limits.manifest_bytes:
                manifest = _parse_manifest(b"".join(_read_content(file, member, source)), source)
            elif member.name.startswith(_FITTED):
                write_blocks(folder / member.name, _read_content(file, member, source))
            else:
                raise DataError(f"holds {member.name!r}, which no release has.", source=source)
    if manifest is None:
        raise DataError("holds no release.json.", source=source, mend="Export the release again.")
    return manifest


def _archive_blocks(members: list[tuple[str, Path]]) -> Iterator[bytes]:
    for name, path in members:
        info = tarfile.TarInfo(name)
        info.size = path.stat().st_size
        info.mode = 0o644
        try:
            yield info.tobuf(tarfile.USTAR_FORMAT)
        except ValueError as error:
            raise DataError(f"has a name that does not fit an archive: {error}.", source=name) from None
        yield from read_blocks(path)
        yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
    yield b"\0" * tarfile.RECORDSIZE


def _read_header(file: BinaryIO, source: str) -> tarfile.TarInfo | None:
    block = file.read(tarfile.BLOCKSIZE)
    if block == b"\0" * tarfile.BLOCKSIZE:
        return None
    try:
        member = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise DataError(f"is not a whole tar archive ({error}).", source=source) from None
    if member.type != tarfile.REGTYPE or member.size < 0:
        raise DataError(
            f"holds {member.name[:120]!r}, which is not a regular file; links, folders and extensions are refused.",
            source=source,
        )
    return member


def _read_content(file: BinaryIO, member: tarfile.TarInfo, source: str) -> Iterator[bytes]:
    left = member.size
    while left:
        block = file.read(min(left, 1 << 20))
        if not block:
            raise DataError(f"ends in the middle of {member.name!r}.", source=source)
        left -= len(block)
        yield block
    file.seek(-member.size % tarfile.BLOCKSIZE, io.SEEK_CUR)


def _parse_manifest(data: bytes, source: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("has a release.json that is not valid JSON.", source=source) from None
