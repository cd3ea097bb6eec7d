"""API keys: who may do what. Only digests reach the disk, the log is append-only, and a revoked key is refused at the next request."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from knowhow.errors import ConfigError, DataError, NotFoundError
from knowhow.storage import append_lines, digest, locked, read_lines

Role = Literal["user", "reviewer", "admin"]
RANKS: dict[str, int] = {"user": 1, "reviewer": 2, "admin": 3}
_NAME = re.compile(r"[\w .@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `groups` are what the documents are filtered by, `role` what may be done."""

    id: str
    name: str
    role: Role
    groups: frozenset[str] = frozenset()

    def may(self, role: Role) -> bool:
        """Say whether this role or a higher one is held."""
        return RANKS[self.role] >= RANKS[role]


class KeyStore:
    """The keys of a workspace; what another process changed is seen at the next look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._signature: tuple[int, int] | None = None
        self._by_digest: dict[str, Principal] = {}

    def create(self, name: str, role: str, groups: frozenset[str], *, by: str) -> str:
        """Make a key and return it; it is shown this once and cannot be had again."""
        if role not in RANKS:
            raise NotFoundError.unknown("role", role, RANKS)
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"A key needs a name of at most 64 letters, digits, spaces or . @ - _, not {name!r}."
            )
        token = f"kh-{secrets.token_urlsafe(32)}"
        # 256 random bits need no slow hash: there is nothing to guess.
        row = {
            "kind": "created",
            "id": secrets.token_hex(4),
            "name": name,
            "role": role,
            "groups": sorted(groups),
        }
        self._append({**row, "digest": digest(token), "by": by})
        return token

    def revoke(self, key: str, *, by: str) -> Principal:
        """End a key by its id or unique name; NotFoundError names the known ones."""
        found = [principal for principal in self.principals() if key in (principal.id, principal.name)]
        if len(found) != 1:
            raise NotFoundError.unknown("key", key, [principal.id for principal in self.principals()])
        self._append({"kind": "revoked", "id": found[0].id, "by": by})
        return found[0]

    def principals(self) -> list[Principal]:
        """Everyone who holds a key that works."""
        return list(self._current().values())

    def find(self, token: str) -> Principal | None:
        """Return who holds this key, None when it is unknown or revoked."""
        return self._current().get(digest(token))

    def find_id(self, key_id: str) -> Principal | None:
        """Return the holder of a key by its id, None when it is revoked."""
        return next((principal for principal in self._current().values() if principal.id == key_id), None)

    def _append(self, row: dict[str, object]) -> None:
        with locked(self.path.with_suffix(".lock"), purpose="a change of keys", wait_seconds=10.0):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            append_lines(self.path, [{**row, "time": stamp}])

    def _current(self) -> dict[str, Principal]:
        signature = file_signature(self.path)
        if signature != self._signature:
            self._by_digest = self._read()
            self._signature = signature
        return self._by_digest

    def _read(self) -> dict[str, Principal]:
        keys: dict[str, tuple[str, Principal]] = {}
        for number, row in enumerate(read_lines(self.path), start=1):
            try:
                if row["kind"] == "revoked":
                    keys.pop(row["id"], None)
                    continue
                if row["role"] not in RANKS:
                    raise KeyError(row["role"])
                holder = Principal(row["id"], row["name"], row["role"], frozenset(row["groups"]))
                keys[row["id"]] = (row["digest"], holder)
            except (KeyError, TypeError) as error:
                raise DataError("is not a line about a key.", source=str(self.path), line=number) from error
        return dict(keys.values())


def file_signature(path: Path) -> tuple[int, int] | None:
    """Return what changes whenever a file is appended to or replaced; None when there is no file."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_size
