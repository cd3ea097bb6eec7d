"""Documents from a Kafka topic, with the effect of each message exactly once although the topic delivers it at least once.

A message becomes one file of the documents folder, so that permissions, masking and chunking are those of every other document. The file
carries the message's position (partition, offset, time); a message that is not newer than what is there does nothing, however often and in
whatever order it comes. Offsets are committed only after the index has taken the files in: a crash anywhere costs a delivery, never a document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from knowhow.config import Settings
from knowhow.errors import BackendError, ConfigError, DataError, MissingDependencyError
from knowhow.storage import append_lines, digest, locked, read_lines, write_text
from knowhow.types import IngestResult

_PARTITION_END = -191
_ALLOWED = frozenset({"id", "title", "text", "groups", "metadata"})


class Message(Protocol):
    """A message as confluent_kafka gives it."""

    def error(self) -> Any:
        """None, or what went wrong."""

    def key(self) -> bytes | None:
        """The id of the document."""

    def value(self) -> bytes | None:
        """The document as JSON; None deletes it."""

    def topic(self) -> str:
        """Where it comes from."""

    def partition(self) -> int:
        """The partition; messages of one key come through one partition in order."""

    def offset(self) -> int:
        """The place in the partition."""

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds since 1970."""


class Consumer(Protocol):
    """The part of confluent_kafka.Consumer that is used."""

    def consume(self, num_messages: int, timeout: float) -> Sequence[Message]:
        """Return messages that have come, after `timeout` seconds at most."""

    def commit(self, *, message: Message, asynchronous: bool) -> Any:
        """Remember that everything up to a message of its partition was done."""

    def close(self) -> None:
        """Leave the group."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message stands; `is_after` orders two of them."""

    partition: int
    offset: int
    time: int = 0

    def is_after(self, other: Position) -> bool:
        """Within a partition the offset counts; where a key has changed its partition, the time does."""
        if self.partition == other.partition:
            return self.offset > other.offset
        return self.time > other.time


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch did: messages that changed a document, that were old, and that could not be read."""

    received: int
    applied: int
    repeated: int
    refused: int
    result: IngestResult | None = None


class Stream:
    """Turns messages into documents; one at a time for a workspace."""

    def __init__(self, settings: Settings, consumer: Consumer, ingest: Callable[[], IngestResult]) -> None:
        self._settings, self._consumer, self._ingest = settings, consumer, ingest
        chosen = settings.stream
        self.folder = settings.root / settings.documents.path / chosen.folder / _safe(chosen.topic)
        self._state = settings.state / "stream" / _safe(chosen.topic)
        self._deleted = _read_deleted(self._state / "deleted.jsonl")

    def step(self) -> Step:
        """Take in one batch: write files, ingest, commit offsets; BackendError when the broker fails, and then nothing is committed."""
        chosen = self._settings.stream
        messages = list(self._consumer.consume(chosen.batch, chosen.wait_seconds))
        good = [message for message in messages if not _is_event(message)]
        if not good:
            return Step(0, 0, 0, 0)
        with locked(self._state / ".lock", purpose="the stream"):
            counts = {"applied": 0, "repeated": 0, "refused": 0}
            for message in good:
                counts[self._take(message)] += 1
            # Also when all were repeated: the crash may have come between the files and the index.
            result = self._ingest()
        for message in _last_of_each(good):
            self._consumer.commit(message=message, asynchronous=False)
        return Step(len(good), counts["applied"], counts["repeated"], counts["refused"], result)

    def _take(self, message: Message) -> str:
        position = Position(message.partition(), message.offset(), message.timestamp()[1])
        try:
            key = _read_key(message)
            row = _read_row(message, key)
        except DataError as error:
            place = {"partition": position.partition, "offset": position.offset}
            append_lines(self._state / "problems.jsonl", [{**place, "reason": str(error)}])
            return "refused"
        path = self.folder / f"{digest(key)[:40]}.jsonl"
        known = self._known(path)
        if known is not None and not position.is_after(known):
            return "repeated"
        if row is None:
            # Remembered before it is done: a deletion that is delivered again must not be forgotten in between.
            append_lines(self._state / "deleted.jsonl", [{"name": path.name, **asdict(position)}])
            self._deleted[path.name] = position
            path.unlink(missing_ok=True)
            return "applied"
        metadata = {**row.get("metadata", {}), **{f"stream_{name}": str(value) for name, value in asdict(position).items()}}  # fmt: skip
        write_text(path, json.dumps({**row, "id": key, "metadata": metadata}, ensure_ascii=False) + "\n")
        return "applied"

    def _known(self, path: Path) -> Position | None:
        """Return the position of what a file holds, or of the message that deleted it, whichever came later."""
        deleted = self._deleted.get(path.name)
        if not path.exists():
            return deleted
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        kept = Position(*(int(metadata[f"stream_{name}"]) for name in ("partition", "offset", "time")))
        return deleted if deleted is not None and deleted.is_after(kept) else kept


def open_consumer(settings: Settings) -> Consumer:
    """Return a consumer of the configured topic that commits nothing by itself; ConfigError without [stream]."""
    chosen = settings.stream
    if not chosen.servers:
        raise ConfigError("[stream] names no servers. Write servers and topic into knowhow.toml.")
    try:
        from confluent_kafka import Consumer as KafkaConsumer
        from confluent_kafka import KafkaException
    except ImportError as error:
        raise MissingDependencyError.extra("[stream]", "stream") from error
    options = {**chosen.options, "bootstrap.servers": chosen.servers, "group.id": chosen.group}
    options.setdefault("auto.offset.reset", "earliest")
    if chosen.password_env:
        options["sasl.password"] = os.environ.get(chosen.password_env, "")
    try:
        consumer = KafkaConsumer({**options, "enable.auto.commit": False})
        consumer.subscribe([chosen.topic])
    except KafkaException as error:
        raise ConfigError(f"[stream] options are not right: {error}") from error
    opened: Consumer = consumer
    return opened


def _is_event(message: Message) -> bool:
    """Say whether this is news of the connection, not a document; BackendError where waiting will not help."""
    error = message.error()
    if error is None:
        return False
    if error.code() != _PARTITION_END and (error.fatal() or not error.retriable()):
        raise BackendError(f"The broker failed: {error}.", engine="kafka", retryable=True)
    return True


def _read_key(message: Message) -> str:
    key = message.key()
    if not key:
        raise DataError("The message has no key. Send the id of the document as the key.")
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise DataError("The key is not UTF-8.") from None


def _read_row(message: Message, key: str) -> Mapping[str, Any] | None:
    value = message.value()
    if value is None:
        return None
    try:
        row = json.loads(value)
    except (ValueError, RecursionError):
        raise DataError(f"The message {key[:80]!r} is not valid JSON.") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise DataError(f"The message {key[:80]!r} is no JSON object with a field 'text'.")
    if unknown := sorted(row.keys() - _ALLOWED):
        raise DataError(f"The message {key[:80]!r} has the unknown field {unknown[0][:80]!r}. Known: {', '.join(sorted(_ALLOWED))}.")  # fmt: skip
    if not isinstance(row.get("metadata", {}), dict):
        raise DataError(f"The metadata of the message {key[:80]!r} is no JSON object.")
    return row


def _last_of_each(messages: Sequence[Message]) -> list[Message]:
    last: dict[int, Message] = {}
    for message in messages:
        known = last.get(message.partition())
        if known is None or message.offset() > known.offset():
            last[message.partition()] = message
    return list(last.values())


def _read_deleted(path: Path) -> dict[str, Position]:
    found: dict[str, Position] = {}
    for row in read_lines(path):
        position = Position(row["partition"], row["offset"], row["time"])
        known = found.get(row["name"])
        if known is None or position.is_after(known):
            found[row["name"]] = position
    return found


def _safe(name: str) -> str:
    """Return a topic's name as the name of a folder: Kafka allows letters, digits, dots, underscores and hyphens."""
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    return f"{plain[:60]}-{digest(name)[:8]}"
