"""Tombstones: keyed digests of what was purged, without its content, so that ingest, restore and import never bring it back.

They stand beside knowhow.toml and not in the state folder: whoever restores an old state folder gets them applied to it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from knowhow.errors import DataError, NotFoundError
from knowhow.storage import append_lines, read_lines

FILE_NAME = "purged.jsonl"
Kind = Literal["id", "source", "alias", "text", "example"]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One purged document; `marks` are digests, keyed with `salt`, of its id, source, names, text and the examples made from it."""

    id: str
    time: str
    salt: str
    marks: tuple[str, ...]


class Tombstones:
    """What was purged from a workspace and not lifted since."""

    def __init__(self, stones: Iterable[Tombstone] = ()) -> None:
        self.stones = {stone.id: stone for stone in stones}
        self._by_salt: dict[str, dict[str, Tombstone]] = {}
        for stone in self.stones.values():
            known = self._by_salt.setdefault(stone.salt, {})
            known.update(dict.fromkeys(stone.marks, stone))

    def __bool__(self) -> bool:
        """Say whether anything was purged."""
        return bool(self.stones)

    @property
    def salt(self) -> str:
        """The key that further tombstones are made with; a new one in a workspace without any."""
        return next(iter(self._by_salt), "") or secrets.token_hex(16)

    def find(self, kind: Kind, text: str) -> Tombstone | None:
        """Return the tombstone that covers an id, source, name, text or example id."""
        for salt, known in self._by_salt.items():
            stone = known.get(mark(salt, kind, text))
            if stone is not None:
                return stone
        return None

    def find_document(self, identifier: str, source: str = "", text: str = "") -> Tombstone | None:
        """Return the tombstone of a document by its id, its source or its wording (white space and case aside)."""
        if not self.stones:
            return None
        found = self.find("id", identifier)
        if found is None and source:
            found = self.find("source", source)
        if found is None and text.strip():
            found = self.find("text", text)
        return found


def mark(salt: str, kind: Kind, text: str) -> str:
    """Return the digest that stands for `text` in a tombstone (blake2b, keyed, 32 hex digits)."""
    if kind == "text":
        text = "".join(text.split()).casefold()
    return hashlib.blake2b(f"{kind}\0{text}".encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()


def make_tombstone(salt: str, marked: Mapping[Kind, Iterable[str]]) -> Tombstone:
    """Return the tombstone over the given names and texts by kind; empty ones are left out."""
    marks = {mark(salt, kind, text) for kind, texts in marked.items() for text in texts if text.strip()}
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Tombstone(secrets.token_hex(6), moment, salt, tuple(sorted(marks)))


def read_tombstones(root: Path) -> Tombstones:
    """Return the tombstones of the workspace at `root`; DataError with the line that is none."""
    stones: dict[str, Tombstone] = {}
    path = root / FILE_NAME
    for number, row in enumerate(read_lines(path), start=1):
        try:
            if "lifts" in row:
                stones.pop(row["lifts"], None)
            else:
                stone = _parse(row)
                stones[stone.id] = stone
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"is no tombstone ({error}).",
                source=str(path),
                line=number,
                mend="Restore the file from a backup: without it purged documents can come back.",
            ) from error
    return Tombstones(stones.values())


def append_tombstones(root: Path, stones: Iterable[Tombstone]) -> None:
    """Add tombstones durably."""
    append_lines(root / FILE_NAME, [asdict(stone) for stone in stones])


def lift_tombstone(root: Path, name: str, reason: str) -> Tombstone:
    """Let a purged document be ingested again, by its tombstone, id or source; NotFoundError when nothing covers the name."""
    known = read_tombstones(root)
    found = known.stones.get(name) or known.find("id", name) or known.find("source", name)
    if found is None:
        raise NotFoundError(
            f"No document {name[:120]!r} was purged here. Give its id, its file or its tombstone."
        )
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    append_lines(root / FILE_NAME, [{"lifts": found.id, "time": moment, "reason": reason}])
    return found


def _parse(row: Any) -> Tombstone:
    stone = Tombstone(str(row["id"]), str(row["time"]), str(row["salt"]), tuple(map(str, row["marks"])))
    bytes.fromhex(stone.salt)
    return stone
