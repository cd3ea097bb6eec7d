"""Is everything on disk whole: indexes, logs, releases, runs, what was learned; and what mends what is not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knowhow.config import Settings
from knowhow.errors import KnowHowError
from knowhow.journal import read_journal
from knowhow.models.tensors import check_tensors
from knowhow.releases.catalog import Catalog
from knowhow.releases.feedback import FeedbackLog
from knowhow.retrieval.engine.checking import find_faults
from knowhow.storage import sync_directory
from knowhow.workspace.audit import AuditLog

_PART = ".part"
_YOUNG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not whole; `repair` says what `--repair` would do about it, empty where only a person can mend it."""

    place: str
    text: str
    mend: str
    repair: str = ""
    is_repaired: bool = False


@dataclass
class Inspection:
    """What was looked at, by kind, and what was found."""

    checked: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is left to mend."""
        return all(fault.is_repaired for fault in self.faults)

    def count(self, kind: str, number: int = 1) -> None:
        """Note that something was looked at."""
        self.checked[kind] = self.checked.get(kind, 0) + number


def inspect(settings: Settings, *, repairs: bool = False) -> Inspection:
    """Look at everything under the state folder without changing it; `repairs` mends what can be made again without loss."""
    found = Inspection()
    state = settings.state
    if not state.is_dir():
        return found
    for check in (
        _check_indexes,
        _check_journals,
        _check_releases,
        _check_lines,
        _check_json,
        _check_fitted,
        _check_parts,
    ):
        for fault in check(settings, found):
            found.faults.append(
                _repair(settings.state / fault.place, fault) if repairs and fault.repair else fault
            )
    return found


def _check_indexes(settings: Settings, found: Inspection) -> Iterator[Fault]:
    state = settings.state
    for path in [state / "index.sqlite", *sorted((state / "encoders").glob("*.sqlite"))]:
        if not path.exists():
            continue
        found.count("indexes")
        for text in find_faults(path):
            is_main = path.name == "index.sqlite"
            command = (
                "knowhow ingest --rebuild" if is_main else "ask once: it is made again from the main index"
            )
            yield Fault(
                _name(settings, path), text, f"Build it again: {command}.", "" if is_main else "delete"
            )


def _check_journals(settings: Settings, found: Inspection) -> Iterator[Fault]:
    for path in (AuditLog(settings).path, settings.state / "releases" / "events.jsonl"):
        if not path.exists():
            continue
        try:
            found.count("lines of chained logs", sum(1 for _ in read_journal(path)))
        except (KnowHowError, ValueError, OSError) as error:
            yield Fault(
                _name(settings, path),
                str(error),
                "Restore the file from a backup; nothing else can tell what it said.",
            )


def _check_releases(settings: Settings, found: Inspection) -> Iterator[Fault]:
    catalog = Catalog(settings.state / "releases")
    try:
        names = [event.release for event in catalog.events() if event.kind in ("created", "imported")]
    except (KnowHowError, ValueError):
        return
    quarantined = catalog.standing().quarantined
    for name in names:
        found.count("releases")
        if name in quarantined:
            continue
        try:
            catalog.fitted(catalog.get(name))
        except KnowHowError as error:
            yield Fault(
                f"releases/{name}", str(error), "Import it from its archive, or compare and release again."
            )
    for folder in sorted(catalog.folder.glob("*")) if catalog.folder.is_dir() else []:
        if folder.is_dir() and folder.name not in names:
            yield Fault(
                _name(settings, folder), "was begun and never finished: no line of the log speaks of it.", "It is harmless.", "delete"
            )  # fmt: skip


def _check_lines(settings: Settings, found: Inspection) -> Iterator[Fault]:
    journals = {AuditLog(settings).path, settings.state / "releases" / "events.jsonl"}
    for path in sorted(settings.state.rglob("*.jsonl")):
        if path in journals or _is_copied(path, settings.state):
            continue
        found.count("files of lines")
        bad = _bad_line(path)
        if bad:
            is_cache = settings.state / "cache" in path.parents or path.name.startswith("ingest")
            yield Fault(
                _name(settings, path), f"line {bad} is no JSON.",
                "It only spares work: what it held is asked or read again." if is_cache else "Restore it from a backup, or take the line out.",
                "delete" if is_cache else "",
            )  # fmt: skip
    try:
        found.count("feedback", len(FeedbackLog(settings.state / "feedback").items()))
    except (KnowHowError, ValueError) as error:
        yield Fault("feedback/log.jsonl", str(error), "Restore it from a backup, or take the line out.")


def _check_json(settings: Settings, found: Inspection) -> Iterator[Fault]:
    for path in sorted(settings.state.rglob("*.json")):
        if _is_copied(path, settings.state):
            continue
        found.count("JSON files")
        try:
            json.loads(path.read_bytes())
        except (ValueError, OSError, RecursionError) as error:
            yield Fault(
                _name(settings, path),
                f"is no JSON ({error}).",
                "Make again what wrote it, or restore it from a backup.",
            )


def _check_fitted(settings: Settings, found: Inspection) -> Iterator[Fault]:
    for pointer in sorted((settings.state / "fitted").glob("*.json")):
        try:
            folder = str(json.loads(pointer.read_bytes())["folder"])
        except (ValueError, KeyError, TypeError):
            continue
        if not (settings.state / "cache" / "fitted" / folder).is_dir():
            yield Fault(
                _name(settings, pointer), f"points at what is no longer there ({folder}).", f"Run: knowhow train {pointer.stem}", "delete"
            )  # fmt: skip
    for path in sorted(settings.state.rglob("*.safetensors")):
        found.count("weight files")
        try:
            check_tensors(path)
        except (KnowHowError, ValueError, OSError) as error:
            yield Fault(
                _name(settings, path), str(error), "Train again; a release of it must be imported again."
            )


def _check_parts(settings: Settings, found: Inspection) -> Iterator[Fault]:
    """Half-written files: never part of anything, but they hold text and room."""
    for path in sorted(settings.state.rglob(f".*{_PART}")):
        found.count("half-written files")
        if time.time() - path.stat().st_mtime > _YOUNG_SECONDS or not _is_running(settings):
            yield Fault(
                _name(settings, path),
                "was never finished; nothing refers to it.",
                "It is harmless.",
                "delete",
            )


def _repair(path: Path, fault: Fault) -> Fault:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
    sync_directory(path.parent)
    return Fault(fault.place, fault.text, fault.mend, fault.repair, True)


def _bad_line(path: Path) -> int:
    """Return the number of the first whole line that is no JSON; 0 where there is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return 0
            try:
                json.loads(line)
            except (ValueError, RecursionError):
                return number
    return 0


def _is_copied(path: Path, state: Path) -> bool:
    """Say whether a file belongs to a release or to something learned, whose own digests are checked elsewhere."""
    parts = path.relative_to(state).parts
    return parts[0] == "releases" and len(parts) > 2 and parts[-1] != "release.json"


def _is_running(settings: Settings) -> bool:
    """Say whether something holds the lock of an ingest, so that a young half-written file may still be its own."""
    from filelock import FileLock, Timeout

    path = settings.state / "ingest.jsonl.lock"
    if not path.exists() or not os.access(path, os.W_OK):
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _name(settings: Settings, path: Path) -> str:
    return path.relative_to(settings.state).as_posix()
