"""The byte scan: every byte of every file under a folder, and every file name, searched for what should be gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowhow.deletion.patterns import PatternSet
from knowhow.progress import progress


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan looked at; `remains` are the files (relative to the folder) that still hold a pattern, with how many."""

    files: int
    bytes: int
    patterns: int
    remains: tuple[tuple[str, int], ...] = ()

    @property
    def hits(self) -> int:
        """Patterns found, summed over files."""
        return sum(count for _, count in self.remains)


def scan_folder(
    folder: Path, patterns: PatternSet, is_skipped: Callable[[Path], bool] = lambda path: False
) -> Scan:
    """Scan all regular files under `folder` but those that `is_skipped`; a file that vanishes meanwhile holds nothing."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not is_skipped(path))
    size = 0
    remains = []
    with progress("Scan for remains", len(paths), "files") as bar:
        for path in paths:
            name = str(path.relative_to(folder))
            found = patterns.find(name.encode(errors="surrogateescape"))
            try:
                size += path.stat().st_size
                found |= patterns.find_in_file(path)
            except FileNotFoundError:
                continue
            finally:
                bar.advance()
            if found:
                remains.append((name, len(found)))
    return Scan(len(paths), size, len(patterns.patterns), tuple(remains))
