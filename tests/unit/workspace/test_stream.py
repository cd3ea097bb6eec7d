"""A topic that delivers again, out of order and across crashes: every document ends as its last message says, once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.releases.workspaces import make_workspace

from knowhow.config import load_settings
from knowhow.errors import BackendError, ConfigError
from knowhow.types import IngestResult
from knowhow.workspace import Workspace
from knowhow.workspace.stream import Message, Stream, open_consumer


@dataclass(frozen=True)
class Sent:
    """A message of a topic."""

    place: int
    number: int
    name: bytes | None
    body: bytes | None
    moment: int = 0
    problem: Any = None

    def error(self) -> Any:
        return self.problem

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.body

    def topic(self) -> str:
        return "documents"

    def partition(self) -> int:
        return self.place

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return (1, self.moment)


@dataclass
class Topic:
    """A topic with a group's committed offsets; a new consumer begins behind them, as after a crash."""

    messages: list[Sent]
    committed: dict[int, int] = field(default_factory=dict)

    def consumer(self, order: random.Random | None = None) -> Fake:
        left = [
            message for message in self.messages if message.number >= self.committed.get(message.place, 0)
        ]
        return Fake(self, interleave(left, order or random.Random(0)))


@dataclass
class Fake:
    """A consumer over a topic; partitions come mixed, each of them in order."""

    source: Topic
    waiting: list[Sent]
    is_closed: bool = False

    def consume(self, num_messages: int, timeout: float) -> Sequence[Message]:
        taken, self.waiting = self.waiting[:num_messages], self.waiting[num_messages:]
        return taken

    def commit(self, *, message: Message, asynchronous: bool) -> None:
        assert not asynchronous
        place = message.partition()
        self.source.committed[place] = max(self.source.committed.get(place, 0), message.offset() + 1)

    def close(self) -> None:
        self.is_closed = True


def interleave(messages: Sequence[Sent], order: random.Random) -> list[Sent]:
    lines: dict[int, list[Sent]] = {}
    for message in messages:
        lines.setdefault(message.place, []).append(message)
    mixed = []
    while lines:
        place = order.choice(sorted(lines))
        mixed.append(lines[place].pop(0))
        if not lines[place]:
            del lines[place]
    return mixed


def row(text: str, **more: Any) -> bytes:
    return json.dumps({"text": text, **more}).encode()


def documents(folder: Path) -> dict[str, str]:
    """The streamed documents of the index: last line of each id -> text."""
    with Workspace(folder) as workspace:
        index = workspace.components.index
        return {
            record.id.rpartition("#")[2]: index.document(record.id).text
            for record in workspace.records()
            if "stream/" in record.source
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    extra = '[stream]\nservers = "localhost:1"\ntopic = "documents"\nbatch = 3\n'
    return make_workspace(tmp_path / "bot", examples=2, extra=extra)


def follow(folder: Path, fake: Fake) -> list[Any]:
    steps = []
    with Workspace(folder) as workspace:
        stream = Stream(workspace.settings, fake, lambda: workspace.ingest(allow_empty=True))
        while (step := stream.step()).received:
            steps.append(step)
    return steps


def test_a_message_is_a_document_with_permissions(folder: Path) -> None:
    topic = Topic(
        [
            Sent(
                0,
                0,
                b"policy-7",
                row("Refunds take 9 days.", title="Refunds", groups=["staff"], metadata={"owner": "ada"}),
            )
        ]
    )
    steps = follow(folder, topic.consumer())
    assert [(step.applied, step.result.added) for step in steps] == [(1, 1)]
    with Workspace(folder) as workspace:
        record = next(record for record in workspace.records() if "stream/" in record.source)
        assert (record.title, record.groups, record.metadata["owner"]) == (
            "Refunds",
            frozenset({"staff"}),
            "ada",
        )
    assert topic.committed == {0: 1}


def test_changes_deletions_and_repetitions(folder: Path) -> None:
    topic = Topic(
        [
            Sent(0, 0, b"a", row("First.")),
            Sent(0, 1, b"b", row("Second.")),
            Sent(0, 2, b"a", row("First, changed.")),
            Sent(0, 3, b"b", None),
            Sent(1, 0, b"c", row("Third.")),
        ]
    )
    follow(folder, topic.consumer())
    assert list(documents(folder).values()) == ["First, changed.", "Third."] or sorted(
        documents(folder).values()
    ) == ["First, changed.", "Third."]
    topic.committed.clear()
    steps = follow(folder, topic.consumer())
    assert sum(step.applied for step in steps) == 0
    assert sum(step.repeated for step in steps) == 5
    assert all((step.result.added, step.result.changed, step.result.deleted) == (0, 0, 0) for step in steps)


def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(folder: Path) -> None:
    topic = Topic(
        [
            Sent(0, 0, b"a", b"{broken"),
            Sent(0, 1, None, row("Without a key.")),
            Sent(0, 2, b"\xff", row("Key of another kind.")),
            Sent(0, 3, b"a", row("")),
            Sent(0, 4, b"a", row("Good.", unknown=1)),
            Sent(0, 5, b"../../etc/passwd", row("Good.")),
        ]
    )
    steps = follow(folder, topic.consumer())
    assert (sum(step.refused for step in steps), sum(step.applied for step in steps)) == (5, 1)
    problems = next((folder / ".knowhow" / "stream").rglob("problems.jsonl")).read_text().splitlines()
    assert [json.loads(line)["offset"] for line in problems] == [0, 1, 2, 3, 4]
    assert topic.committed == {0: 6}
    assert list(documents(folder).values()) == ["Good."]


def test_a_failed_ingest_commits_nothing(folder: Path) -> None:
    topic = Topic([Sent(0, 0, b"a", row("First."))])

    def fails() -> IngestResult:
        raise BackendError("is down.")

    with Workspace(folder) as workspace, pytest.raises(BackendError):
        Stream(workspace.settings, topic.consumer(), fails).step()
    assert topic.committed == {}
    follow(folder, topic.consumer())
    assert list(documents(folder).values()) == ["First."]


@dataclass
class Problem:
    number: int
    is_fatal: bool

    def code(self) -> int:
        return self.number

    def fatal(self) -> bool:
        return self.is_fatal

    def retriable(self) -> bool:
        return not self.is_fatal


def test_news_of_the_connection_is_no_document(folder: Path) -> None:
    ended = Sent(0, 0, None, None, problem=Problem(-191, False))
    assert follow(folder, Topic([ended]).consumer()) == []
    broken = Sent(0, 0, None, None, problem=Problem(-150, True))
    with pytest.raises(BackendError, match="broker"):
        follow(folder, Topic([broken]).consumer())


def test_a_key_that_changed_its_partition_follows_time(folder: Path) -> None:
    topic = Topic([Sent(0, 9, b"a", row("Old."), 100), Sent(1, 0, b"a", row("New."), 200)])
    for seed in range(4):
        topic.committed.clear()
        follow(folder, topic.consumer(random.Random(seed)))
        assert list(documents(folder).values()) == ["New."]


class Killed(BaseException):
    """Stands for a process that ends at once."""


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_crashes_anywhere_leave_what_an_undisturbed_run_leaves(
    folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill before, between and after every durable step, deliver again in another mixture of partitions, and compare."""
    order = random.Random(seed)
    keys = [f"k{number}".encode() for number in range(5)]
    counts = {0: 0, 1: 0}
    messages, expected = [], {}
    for number in range(24):
        key = order.choice(keys)
        place = keys.index(key) % 2
        body = None if order.random() < 0.25 else row(f"Text {number} of {key.decode()}.")
        messages.append(Sent(place, counts[place], key, body, number))
        counts[place] += 1
        expected[key.decode()] = None if body is None else json.loads(body)["text"]
    topic = Topic(messages)
    import knowhow.workspace.stream as module

    def fragile(function: Any) -> Any:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if deaths[0] and order.random() < 0.15:
                deaths[0] -= 1
                if order.random() < 0.5:
                    function(*arguments, **options)
                raise Killed
            return function(*arguments, **options)

        return wrapped

    indexed: list[set[str]] = []

    def ingest() -> IngestResult:
        """Stands for the real one, which is as good as the files are: it is run at the end."""
        indexed.append({path.name for path in (folder / "documents" / "stream").rglob("*.jsonl")})
        return IngestResult()

    deaths = [6]
    monkeypatch.setattr(module, "write_text", fragile(module.write_text))
    monkeypatch.setattr(module, "append_lines", fragile(module.append_lines))
    while True:
        fake = topic.consumer(order)
        fake.commit = fragile(fake.commit)  # type: ignore[method-assign]
        try:
            stream = Stream(load_settings(folder), fake, fragile(ingest))
            while stream.step().received:
                pass
            break
        except Killed:
            continue
    with Workspace(folder) as workspace:
        workspace.ingest(allow_empty=True)
    assert indexed[-1] == {path.name for path in (folder / "documents" / "stream").rglob("*.jsonl")}
    found = documents(folder)
    assert sorted(found.values()) == sorted(text for text in expected.values() if text is not None)
    assert topic.committed == counts
    # Nothing is delivered any more, and nothing of it would change anything.
    topic.committed.clear()
    monkeypatch.undo()
    again = Stream(load_settings(folder), topic.consumer(order), ingest)
    while (step := again.step()).received:
        assert step.applied == 0


def test_without_servers_there_is_no_stream(tmp_path: Path) -> None:
    with (
        Workspace(make_workspace(tmp_path / "bot", examples=1)) as workspace,
        pytest.raises(ConfigError, match="servers"),
    ):
        open_consumer(workspace.settings)


@pytest.mark.slow
def test_over_the_real_client(tmp_path: Path) -> None:
    """The client's own mock broker stands in for a cluster."""
    kafka = pytest.importorskip("confluent_kafka", reason="needs the extra [stream]")
    producer = kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    for number in range(5):
        producer.produce("documents", key=f"k{number % 2}", value=row(f"Text {number}."))
    producer.produce("documents", key="k0", value=None)
    assert producer.flush(20) == 0
    extra = f'[stream]\nservers = "{broker.host}:{broker.port}"\ntopic = "documents"\nwait_seconds = 1.0\n'
    folder = make_workspace(tmp_path / "bot", examples=1, extra=extra)
    for expected in (6, 0):
        with Workspace(folder) as workspace:
            consumer = open_consumer(workspace.settings)
            stream = Stream(workspace.settings, consumer, lambda: workspace.ingest(allow_empty=True))
            received, end = 0, time.monotonic() + (40 if expected else 8)
            while time.monotonic() < end and received < (expected or 1):
                received += stream.step().received
            consumer.close()
        assert received == expected
        assert list(documents(folder).values()) == ["Text 3."]
