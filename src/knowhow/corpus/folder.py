"""The documents folder: which files are there, which of them can be read, and how each is told apart without reading it."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from knowhow.config import GroupRule
from knowhow.corpus.content import LoadError
from knowhow.corpus.permissions import SIDECAR_SUFFIX, Statement, parse_sidecar, rule_groups
from knowhow.errors import DataError, NotFoundError
from knowhow.globs import matches_glob
from knowhow.registry import find, names
from knowhow.storage import digest, digest_json
from knowhow.types import IngestProblem

_IGNORED = ("~$", ".~lock")
_IGNORED_NAMES = ("Thumbs.db", "desktop.ini")
_MAX_SIDECAR_BYTES = 1_000_000
_SETTLING_NS = 2_000_000_000
_MENDS: Mapping[str, str] = {
    ".doc": "Save it as .docx.",
    ".rtf": "Save it as .docx.",
    ".ppt": "Save it as .pptx.",
    ".xls": "Save it as .xlsx.",
    ".msg": "Save the message as .eml.",
    ".zip": "Unpack it into the folder.",
    ".png": "Run character recognition (OCR) over it and save the result as text or PDF.",
    ".jpg": "Run character recognition (OCR) over it and save the result as text or PDF.",
    ".tif": "Run character recognition (OCR) over it and save the result as text or PDF.",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the folder by its relative path; `stamp` is size and time, or empty while it may still be written to."""

    name: str
    path: str
    loader: str
    stamp: str
    settings: str
    sidecar: Statement
    rules: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """The readable files in order of name, and what is wrong with the others."""

    files: tuple[SourceFile, ...]
    problems: tuple[IngestProblem, ...]


def scan_folder(
    folder: Path, rules: Sequence[GroupRule] = (), exclude: Sequence[str] = (), settings: str = ""
) -> Scan:
    """Return the files of `folder`; NotFoundError when it does not exist. `settings` goes into each file's settings digest."""
    if not folder.exists():
        raise NotFoundError(
            f"The documents folder {folder} does not exist. Create it, or correct path under [documents]."
        )
    if not folder.is_dir():
        raise DataError(
            f"The documents folder {folder} is a file.", mend="Name its folder in path under [documents]."
        )
    root = folder.resolve()
    files: list[SourceFile] = []
    problems: list[IngestProblem] = []
    found = dict(_walk(root, root, "", problems, lambda name: _is_excluded(name, exclude)))
    # A sidecar that cannot be read may restrict its document: that document stays out as well.
    blocked = {problem.source for problem in problems if problem.source.endswith(SIDECAR_SUFFIX)}
    for name in sorted(found):
        if name.endswith(SIDECAR_SUFFIX):
            document = name.removesuffix(SIDECAR_SUFFIX)
            if document not in found and not _is_excluded(document, exclude):
                problems.append(_orphan(name))
            continue
        try:
            if name + SIDECAR_SUFFIX in blocked:
                raise _unreadable_sidecar("see the problem of that file")
            files.append(_describe(root, name, found, rules, settings))
        except LoadError as error:
            problems.append(IngestProblem(name, error.reason, error.mend, error.kind))
    return Scan(tuple(files), tuple(problems))


def digest_source(file: SourceFile) -> str:
    """Return the sha256 of the file's bytes, or an empty string when it cannot be read."""
    try:
        with open(file.path, "rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError:
        return ""


def known_suffixes() -> list[str]:
    """Return the file endings that some loader reads."""
    return sorted(_loaders())


def _describe(
    root: Path, name: str, found: Mapping[str, os.stat_result], rules: Sequence[GroupRule], settings: str
) -> SourceFile:
    path, status = os.path.join(root, name), found[name]
    if not stat.S_ISREG(status.st_mode):
        raise LoadError("It is not a regular file.", mend="Put the document itself there.", kind="special")
    suffix = os.path.splitext(name)[1].lower()
    known = _loaders()
    if suffix not in known:
        mend = _MENDS.get(suffix, f"Save it in one of the known formats: {', '.join(sorted(known))}.")
        raise LoadError(f"The format '{suffix or name}' is not supported.", mend=mend, kind="unsupported")
    loader, version = known[suffix]
    sidecar_status = found.get(name + SIDECAR_SUFFIX)
    sidecar_data = b"" if sidecar_status is None else _read_sidecar(path + SIDECAR_SUFFIX, sidecar_status)
    sidecar = Statement() if sidecar_status is None else parse_sidecar(sidecar_data)
    allowed = tuple(rule_groups(name, rules))
    state = digest_json(
        [settings, loader, version, digest(sidecar_data), [sorted(groups) for groups in allowed]]
    )
    return SourceFile(name, path, loader, _stamp(status), state, sidecar, allowed)


def _read_sidecar(path: str, status: os.stat_result) -> bytes:
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_SIDECAR_BYTES:
        raise _unreadable_sidecar("it is no small regular file")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable_sidecar(str(error.strerror)) from error


def _unreadable_sidecar(cause: str) -> LoadError:
    return LoadError(
        f"Its sidecar file cannot be read ({cause}).",
        mend="Mend the sidecar; the document stays out of the index until then.",
        kind="groups",
    )


def _walk(
    root: Path, folder: Path, prefix: str, problems: list[IngestProblem], is_excluded: Callable[[str], bool]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(
            IngestProblem(
                prefix,
                f"The folder cannot be read ({error.strerror}).",
                "Mend its permissions.",
                "unreadable",
            )
        )
        return
    for entry in entries:
        name = prefix + entry.name
        is_sidecar = entry.name.endswith(SIDECAR_SUFFIX)
        if entry.name.startswith((".", *_IGNORED)) or entry.name in _IGNORED_NAMES:
            continue
        if is_excluded(name) and not is_sidecar:
            continue
        try:
            name.encode()
            status = _status(root, entry)
            if stat.S_ISDIR(status.st_mode) and is_sidecar:
                raise LoadError("It is a folder.", mend="Make the sidecar a file.", kind="sidecar")
            if stat.S_ISDIR(status.st_mode):
                # A link to a folder inside is passed over: its files are reached by their own path.
                if not entry.is_symlink():
                    yield from _walk(root, Path(entry.path), name + "/", problems, is_excluded)
            else:
                yield name, status
        except UnicodeEncodeError:
            shown = name.encode(errors="replace").decode()
            problems.append(IngestProblem(shown, "Its name is not valid UTF-8.", "Rename it.", "name"))
        except LoadError as error:
            problems.append(IngestProblem(name, error.reason, error.mend, error.kind))
        except OSError as error:
            problems.append(
                IngestProblem(
                    name, f"It cannot be read ({error.strerror}).", "Mend its permissions.", "unreadable"
                )
            )


def _status(root: Path, entry: os.DirEntry[str]) -> os.stat_result:
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
        raise LoadError(
            "It is a link that leaves the documents folder.",
            mend="Copy the document into the folder.",
            kind="link",
        )
    return entry.stat()


def _stamp(status: os.stat_result) -> str:
    if time.time_ns() - status.st_mtime_ns < _SETTLING_NS:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _is_excluded(name: str, exclude: Sequence[str]) -> bool:
    return any(matches_glob(name, pattern) for pattern in exclude)


def _orphan(name: str) -> IngestProblem:
    return IngestProblem(
        name,
        f"There is no document '{name.removesuffix(SIDECAR_SUFFIX)}' beside this sidecar file.",
        "Name the sidecar after the document with its full ending, for example policy.pdf.meta.toml.",
        "sidecar",
    )


@lru_cache(maxsize=1)
def _loaders() -> dict[str, tuple[str, int]]:
    found = {}
    for name in names("loader"):
        loader = find("loader", name)
        for suffix in getattr(loader, "suffixes", ()):
            found[suffix] = (name, getattr(loader, "version", 0))
    return found
