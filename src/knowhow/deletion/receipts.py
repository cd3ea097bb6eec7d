"""Receipts: what a purge removed and that nothing was found afterwards, in figures, without any content, under a keyed signature."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from knowhow.deletion.scanning import Scan
from knowhow.errors import NotFoundError
from knowhow.storage import digest_json, read_json, write_bytes, write_json

_KEY = "key"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One finished purge: how much went from each store, what was quarantined and retrained, what stays outside, and the scan."""

    id: str
    time: str
    by: str
    reason: str
    tombstones: tuple[str, ...]
    removed: Mapping[str, int]
    quarantined: tuple[str, ...]
    retrained: tuple[str, ...]
    kept: Mapping[str, int]
    shared_passages: int
    scan: Scan
    notes: tuple[str, ...] = ()
    software: str = ""
    previous: str = ""
    signature: str = field(default="")

    @property
    def is_clean(self) -> bool:
        """Say whether the scan found nothing."""
        return not self.scan.remains


def sign_receipt(receipt: Receipt, folder: Path) -> dict[str, Any]:
    """Write a receipt into `folder` with its signature (HMAC-SHA256 under the folder's key) and return it as JSON values."""
    value = asdict(receipt)
    value["scan"]["remains"] = [list(item) for item in receipt.scan.remains]
    value["signature"] = _sign(value, folder)
    write_json(folder / f"{receipt.id}.json", value)
    return value


def find_receipt(folder: Path, name: str) -> tuple[dict[str, Any], bool]:
    """Return a receipt by id, or by a tombstone that it holds, and whether its signature is right."""
    for path in sorted(folder.glob("*.json")):
        value = read_json(path)
        if isinstance(value, dict) and (value.get("id") == name or name in value.get("tombstones", ())):
            signature = str(value.get("signature", ""))
            return value, hmac.compare_digest(signature, _sign(value, folder))
    raise NotFoundError(f"There is no receipt {name[:80]!r}. Receipts lie in {folder}.")


def last_receipt(folder: Path, but: str = "") -> str:
    """Return the digest of the newest receipt but one, empty where there is none: each receipt names the one before it."""
    values = [read_json(path) for path in folder.glob("*.json")]
    found = [
        value for value in values if isinstance(value, dict) and "signature" in value and value["id"] != but
    ]
    return digest_json(max(found, key=lambda value: str(value["time"]))) if found else ""


def _sign(value: Mapping[str, Any], folder: Path) -> str:
    content = {key: item for key, item in value.items() if key != "signature"}
    return hmac.new(_key(folder), digest_json(content).encode(), hashlib.sha256).hexdigest()


def _key(folder: Path) -> bytes:
    path = folder / _KEY
    if not path.exists():
        write_bytes(path, secrets.token_hex(32).encode())
        path.chmod(0o600)
    return path.read_bytes()
