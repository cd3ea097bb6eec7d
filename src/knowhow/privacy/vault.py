"""Pseudonyms and the vault that leads back from them: nobody reads it without the key.

A pseudonym is a keyed digest (HMAC-SHA256) of the value's kind and normal form, so the same value has the same pseudonym everywhere in
a workspace and another one under another key. The vault holds each value encrypted (Fernet: AES-128-CBC with HMAC-SHA256).
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from knowhow.config import PrivacySettings
from knowhow.errors import ConfigError, DataError, MissingDependencyError, NotFoundError, PolicyError
from knowhow.privacy.spans import narrow
from knowhow.storage import append_lines, locked, read_lines, write_bytes

KEY_VARIABLE = "KNOWHOW_VAULT_KEY"
_CHECK = b"knowhow vault"
_SEPARATORS = re.compile(r"[\s\-.·()/_]+")
_COUNTRY_CODE = re.compile(r"^(?:\+|00)?86(?=1[3-9][0-9]{9}$)")
_PSEUDONYM = re.compile(r"\[?([a-z][a-z0-9_]{0,39}:[a-z2-7]{16})\]?")


class Vault:
    """The pseudonyms of a workspace: made from the key alone, written down so that they lead back."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open a vault; ConfigError for a malformed key, PolicyError for one that this vault was not made with."""
        fernet, self._invalid = _load_fernet()
        self.path = path
        try:
            self._fernet: Any = fernet(key)
        except ValueError:
            raise ConfigError(
                "The key of the vault is not one: it must be 44 characters as made by: knowhow pii key FILE"
            ) from None
        self._secret = hmac.digest(key, b"knowhow pseudonyms", "sha256")
        self._known: set[str] = set()
        self._size = -1
        self._load()

    @property
    def fingerprint(self) -> str:
        """A digest that tells keys apart and says nothing about them."""
        return hmac.digest(self._secret, b"fingerprint", "sha256").hex()[:16]

    def name(self, values: Sequence[tuple[str, str]]) -> list[str]:
        """Return a pseudonym for each kind and value, durable in the vault before this returns."""
        names = [self._pseudonym(kind, text) for kind, text in values]
        self._load()
        fresh = {name: text for name, (_, text) in zip(names, values, strict=True) if name not in self._known}
        if fresh:
            with locked(self.path.with_name(self.path.name + ".lock"), purpose="naming", wait_seconds=60.0):
                self._load()
                missing = {name: text for name, text in fresh.items() if name not in self._known}
                append_lines(self.path, [*self._header(), *self._rows(missing)])
                self._known |= set(missing)
                self._size = self.path.stat().st_size
        return names

    def reveal(self, text: str) -> str:
        """Return a text with every pseudonym replaced by the first spelling of its value; unknown ones stay."""
        values = self._values()
        return _PSEUDONYM.sub(lambda match: values.get(match[1], match[0]), text)

    def forget(self, texts: Iterable[str]) -> int:
        """Remove the values of every pseudonym in some texts for good; return how many went. Their pseudonyms lead nowhere then."""
        names = {match[1] for text in texts for match in _PSEUDONYM.finditer(text)}
        with locked(self.path.with_name(self.path.name + ".lock"), purpose="naming", wait_seconds=60.0):
            rows = list(read_lines(self.path))
            kept = [row for row in rows if row.get("name") not in names]
            if len(kept) < len(rows):
                import json

                lines = (json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in kept)
                write_bytes(self.path, "".join(lines).encode())
            self._known, self._size = set(), -1
            self._load()
        return len(rows) - len(kept)

    def _pseudonym(self, kind: str, text: str) -> str:
        digest = hmac.digest(self._secret, f"{kind}\0{_normalise(kind, text)}".encode(), "sha256")
        return f"{kind}:{base64.b32encode(digest[:10]).decode().lower()}"

    def _header(self) -> list[dict[str, str]]:
        return [] if self.path.exists() else [{"check": self._fernet.encrypt(_CHECK).decode()}]

    def _rows(self, values: Mapping[str, str]) -> list[dict[str, str]]:
        return [
            {"name": name, "value": self._fernet.encrypt(text.encode()).decode()}
            for name, text in values.items()
        ]

    def _load(self) -> None:
        """Read the names that other processes have added since; the first line proves that the key is the right one."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size == self._size:
            return
        if not size:
            self._known.clear()
        for number, row in enumerate(read_lines(self.path) if size else ()):
            if number == 0:
                self._check(row)
            elif "name" in row:
                self._known.add(row["name"])
        self._size = size

    def _check(self, row: Mapping[str, str]) -> None:
        try:
            is_right = self._fernet.decrypt(row.get("check", "").encode()) == _CHECK
        except self._invalid:
            is_right = False
        if not is_right:
            raise PolicyError(
                f"The vault {self.path} was made with another key. Give that key in {KEY_VARIABLE} or [privacy] key_file; with a new "
                "key every pseudonym would change. To begin anew, move the vault away and ingest again."
            )

    def _values(self) -> dict[str, str]:
        values = {}
        for row in read_lines(self.path):
            if "name" in row:
                try:
                    values[row["name"]] = self._fernet.decrypt(row["value"].encode()).decode()
                except self._invalid:
                    raise DataError(
                        f"holds a damaged value for {row['name']}.",
                        source=str(self.path),
                        mend="Restore the vault from a copy, or delete that line: only this value is lost.",
                    ) from None
        return values


def open_vault(path: Path, settings: PrivacySettings, root: Path) -> Vault:
    """Open the vault of a workspace with the key from KNOWHOW_VAULT_KEY or the key file; ConfigError where neither is given."""
    if key := os.environ.get(KEY_VARIABLE, ""):
        return Vault(path, key.strip().encode())
    if not settings.key_file:
        raise ConfigError(
            f"[privacy] mode pseudonymise needs a key. Make one with: knowhow pii key FILE, then set [privacy] key_file or the environment "
            f"variable {KEY_VARIABLE}. Keep the file outside of the workspace's backups: without it pseudonyms lead nowhere."
        )
    file = root / Path(settings.key_file).expanduser()
    if not file.is_file():
        raise NotFoundError(
            f"[privacy] key_file names {file}, which does not exist. Make it with: knowhow pii key {file}"
        )
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise PolicyError(f"The key file {file} can be read by others. Close it with: chmod 600 {file}")
    return Vault(path, file.read_bytes().strip())


def write_key(path: Path) -> None:
    """Make a new key file that only its owner may read; PolicyError where a file is there already."""
    fernet, _ = _load_fernet()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PolicyError(
            f"{path} exists already. A key is never overwritten: choose another name, or move that file away first."
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _normalise(kind: str, text: str) -> str:
    plain = narrow(text).casefold()
    if kind in ("name", "address", "organisation", "place", "title"):
        return " ".join(plain.replace(",", " ").split())
    if kind in ("email", "url", "ip"):
        return plain.replace(" ", "")
    return (
        _COUNTRY_CODE.sub("", _SEPARATORS.sub("", plain)) if kind == "phone" else _SEPARATORS.sub("", plain)
    )


def _load_fernet() -> tuple[Any, type[Exception]]:
    try:
        from cryptography.fernet import Fernet, InvalidToken
    except ImportError:
        raise MissingDependencyError.extra("Pseudonyms with a vault", "vault") from None
    return Fernet, InvalidToken
