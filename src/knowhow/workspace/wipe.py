"""Wipe: delete everything that KnowHow keeps of a workspace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from knowhow.config import Settings
from knowhow.deletion.tombstones import FILE_NAME
from knowhow.errors import PolicyError
from knowhow.storage import locked, sync_directory
from knowhow.workspace.lineage import fitted_folders, release_folders
from knowhow.workspace.purge import converted_adapters
from knowhow.workspace.working import refuse_working

_GONE = ".knowhow-wiped"


@dataclass(frozen=True, slots=True)
class Wiped:
    """How much was deleted."""

    files: int
    bytes: int


def wipe(settings: Settings, *, with_sources: bool = False) -> Wiped:
    """Delete the state folder, and the documents and examples where asked; PolicyError while something is being written.

    The state folder is renamed first: a wipe that was killed leaves no half of a workspace, and the next one clears the rest away.
    """
    root, state = settings.root, settings.state
    sources = [root / settings.documents.path, root / settings.examples.path, root / FILE_NAME]
    if with_sources:
        _refuse_outside(root, sources)
    if state.exists():
        with (
            locked(state / "purge.lock", purpose="a purge"),
            locked(state / "ingest.jsonl.lock", purpose="an ingest"),
        ):
            refuse_working(state)
            folders = [*fitted_folders(settings), *(folder for _, folder in release_folders(settings))]
            for name in converted_adapters(folders):
                Path(name).unlink(missing_ok=True)
            target = root / f"{_GONE}-{os.getpid()}"
            state.rename(target)
            sync_directory(root)
    doomed = sorted(root.glob(f"{_GONE}-*")) + (sources if with_sources else [])
    files = bytes_ = 0
    for path in doomed:
        for item in _files(path):
            files, bytes_ = files + 1, bytes_ + item.lstat().st_size
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    sync_directory(root)
    return Wiped(files, bytes_)


def _refuse_outside(root: Path, paths: list[Path]) -> None:
    for path in paths:
        if path.exists() and (path.is_symlink() or root.resolve() not in path.resolve().parents):
            raise PolicyError(
                f"{path} lies outside the workspace. Delete it by hand, and wipe without --source."
            )


def _files(path: Path) -> Iterator[Path]:
    if path.is_file() or path.is_symlink():
        yield path
    elif path.is_dir():
        yield from (item for item in path.rglob("*") if item.is_file() or item.is_symlink())
