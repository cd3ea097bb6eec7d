"""The audit log of a workspace: who asked, saw, changed, released and purged; append-only, chained, and kept with as little text as configured."""

from __future__ import annotations

import csv
import getpass
import hmac
import io
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from knowhow.config import Settings
from knowhow.errors import DataError, PolicyError
from knowhow.journal import append_journal, find_head, read_journal
from knowhow.spreadsheet import escape_formula
from knowhow.storage import locked, write_blocks, write_text
from knowhow.types import Answer, Query
from knowhow.workspace.personal_data import mask_text

ASKED, OPENED, INGESTED, UPLOADED = "asked", "opened", "ingested", "uploaded"
TRAINED, COMPARED = "trained", "compared"
RELEASED, IMPORTED, EXPORTED, PROMOTED, ROLLED_BACK = "released", "imported", "exported", "promoted", "rolled_back"  # fmt: skip
JUDGED, REVIEWED, KEY_MADE, KEY_REVOKED = "judged", "reviewed", "key_made", "key_revoked"
PURGED, WIPED, CHANGED, REFUSED = "purged", "wiped", "changed", "refused"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line: who (`by`) did what (`kind`) to what (`subject`) through which `door` (python, cli, http); `chain` covers all earlier lines."""

    number: int
    time: str
    kind: str
    by: str
    door: str = ""
    subject: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A log whose every line follows from the one before: how many there are, and the digest that stands for all of them."""

    entries: int
    head: str


class AuditLog:
    """The log under one state folder; what `record` returned from is durable, and what cannot be recorded does not go on."""

    def __init__(self, settings: Settings, person: str = "", door: str = "python") -> None:
        self.settings = settings.audit
        self._mask = partial(mask_text, settings)
        self.path = settings.state / "audit" / "log.jsonl"
        self.person, self.door = person or present_person(), door

    def record(self, kind: str, subject: str = "", *, by: str = "", **details: Any) -> None:
        """Append one line; nothing when [audit] log is false. Empty details are left out."""
        if self.settings.log:
            append_journal(self.path, self.content(kind, subject, by, details), purpose="the audit log")

    def content(
        self, kind: str, subject: str = "", by: str = "", details: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what a line says before it gets its number and digest."""
        found = (details or {}).items()
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "kind": kind,
            "by": by or self.person,
            "door": self.door,
            "subject": subject,
            "details": {
                key: self._mask(value) if key == "reason" and isinstance(value, str) else value
                for key, value in found
                if value not in ("", None, [], {}, ())
            },
        }

    def record_answers(
        self, queries: Sequence[Query], answers: Sequence[Answer], *, strategy: str = "", by: str = ""
    ) -> None:
        """Append one line per answer: the question as configured, the documents whose passages were read, and what came of it."""
        if not self.settings.log:
            return
        for query, answer in zip(queries, answers, strict=True):
            self.record(
                ASKED,
                answer.release or strategy,
                by=by,
                question=self._question(query.text),
                groups=sorted(query.groups),
                documents=list(dict.fromkeys(hit.chunk.document_id for hit in answer.hits)),
                cited=list(dict.fromkeys(cited.document_id for cited in answer.citations)),
                index_version=answer.index_version,
                outcome="failed" if answer.error else "abstained" if answer.abstained else "answered",
            )

    def entries(self) -> list[AuditEntry]:
        """Every line, checked; DataError where one was changed."""
        known = {item.name for item in fields(AuditEntry)}
        return [
            AuditEntry(**{key: row[key] for key in known & row.keys()}) for row in read_journal(self.path)
        ]

    def verify(self, head: str = "") -> Verified:
        """Check the whole chain; with a `head` noted earlier also that nothing up to that line was cut off. DataError otherwise."""
        entries = self.entries()
        if head and all(entry.chain != head for entry in entries):
            raise DataError(
                f"no longer holds the line with the digest {head[:16]}…: its end was cut off, or it is another log.",
                source=str(self.path),
                mend="Restore the file from a backup.",
            )
        return Verified(len(entries), entries[-1].chain if entries else "")

    def head(self) -> Verified:
        """Number and digest of the last line, without checking those before it."""
        return Verified(*find_head(self.path))

    def export(self, target: Path) -> int:
        """Write all lines as JSON lines, or as CSV where the name ends so; an existing file is never overwritten."""
        if target.exists():
            raise PolicyError(f"{target} exists already. Choose another file.")
        entries = self.entries()
        if target.suffix.lower() == ".csv":
            write_text(target, _to_csv(entries))
        else:
            write_blocks(
                target, (json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n" for entry in entries)
            )
        return len(entries)

    def digest_question(self, text: str) -> str:
        """Return the keyed digest under which a question stands in this log, to find it again without keeping it."""
        return hmac.new(self._key(), self._mask(text.strip()).encode(), "sha256").hexdigest()[:32]

    def _question(self, text: str) -> str:
        if self.settings.questions == "off":
            return ""
        return self._mask(text) if self.settings.questions == "text" else self.digest_question(text)

    def _key(self) -> bytes:
        # Without a key anybody could try likely questions against the digests.
        path = self.path.with_name("key")
        if not path.exists():
            with locked(path.with_suffix(".lock"), purpose="the audit log", wait_seconds=30.0):
                if not path.exists():
                    write_text(path, secrets.token_hex(32))
                    path.chmod(0o600)
        return path.read_bytes()


def present_person() -> str:
    """The name that this machine knows the present user by."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def describe_entry(entry: AuditEntry) -> str:
    """Return one line for a person."""
    details = ", ".join(f"{key} {_short(value)}" for key, value in entry.details.items())
    subject = f" {entry.subject}" if entry.subject else ""
    return f"{entry.number}. {entry.time} {entry.by} ({entry.door}) {entry.kind}{subject}" + (
        f": {details}" if details else ""
    )


def _to_csv(entries: Sequence[AuditEntry]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    names = [item.name for item in fields(AuditEntry)]
    writer.writerow(names)
    for entry in entries:
        plain = asdict(entry)
        plain["details"] = json.dumps(plain["details"], ensure_ascii=False, sort_keys=True)
        writer.writerow([escape_formula(str(plain[name])) for name in names])
    return buffer.getvalue()


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 120 else text[:119] + "…"
