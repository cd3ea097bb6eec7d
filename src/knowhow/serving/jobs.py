"""Requests waiting for the one thread that answers: bounded, fair between askers, and refused at once when there is no room."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from knowhow.advisor.text import Number, say
from knowhow.serving.failures import OverloadedError, RequestError
from knowhow.types import Answer, Query
from knowhow.workspace.traffic import UNASSIGNED, Assignment


@dataclass(frozen=True, slots=True)
class TextPart:
    """New text of an answer while it is being written."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job: the answer, the vectors, or what went wrong."""

    answer: Answer | None = None
    vectors: Any = None
    error: RequestError | None = None


Event = TextPart | Finished


class _Mailbox:
    """Events on their way from the answering thread to one loop: all that come before the loop looks are one wake-up.

    Waking a loop costs both threads more than an event does, and a batch writes a piece of every answer at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: deque[tuple[asyncio.Queue[Event], Event]] = deque()
        self._is_called = False

    def put(self, events: asyncio.Queue[Event], event: Event) -> None:
        """Hand over an event, from any thread; RuntimeError when the loop has ended."""
        # In this order: what is appended before the loop clears the mark is found, what comes later calls again.
        self._waiting.append((events, event))
        if not self._is_called:
            self._is_called = True
            loop = self._loop()
            if loop is None:
                raise RuntimeError("the loop has ended")
            loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_called = False
        while self._waiting:
            events, event = self._waiting.popleft()
            events.put_nowait(event)


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = weakref.WeakKeyDictionary()


@dataclass
class Job:
    """One question (or some texts to embed) on its way; events arrive in `events` on the loop that made it."""

    asker: str
    target: str
    query: Query | None = None
    texts: Sequence[str] = ()
    wants_text: bool = False
    assignment: Assignment = UNASSIGNED
    arrived: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    submitted: float = field(default_factory=time.perf_counter)
    started: float = 0.0
    ended: float = 0.0
    is_cancelled: bool = False
    is_done: bool = False

    def __post_init__(self) -> None:
        """Remember the loop, to which the answering thread hands events."""
        loop = asyncio.get_running_loop()
        self._mailbox = _mailboxes.get(loop) or _mailboxes.setdefault(loop, _Mailbox(loop))
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    def put(self, event: Event) -> None:
        """Hand an event to the waiting request, from any thread; nobody hears it when the loop has ended."""
        if isinstance(event, Finished):
            self.is_done = True
            self.ended = time.perf_counter()
        try:
            self._mailbox.put(self.events, event)
        except RuntimeError:
            self.is_cancelled = True

    def cancel(self) -> None:
        """Say that nobody waits for the answer any more: it is dropped, or stopped at its next piece of text."""
        self.is_cancelled = True

    @property
    def kind(self) -> tuple[str, bool]:
        """Jobs of one kind may be answered in one batch."""
        return self.target, self.query is None

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds in the queue and in the engine."""
        return {
            "queue": round((self.started - self.submitted) * 1000, 3),
            "engine": round((self.ended - self.started) * 1000, 3),
        }


class JobQueue:
    """Waiting jobs, one line per asker, taken from in turn; no asker may hold more than half of the room."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lines: OrderedDict[str, deque[Job]] = OrderedDict()
        self._condition = threading.Condition()
        self._is_closed = False
        self._seconds = 1.0

    def __len__(self) -> int:
        """Jobs that wait."""
        with self._condition:
            return self._count()

    def put(self, job: Job) -> None:
        """Add a job; OverloadedError with 429 or 503 and when to come again where there is no room."""
        with self._condition:
            if self._is_closed:
                raise OverloadedError(503, say("The server is stopping. Ask again in a moment."), 5)
            waiting = self._count()
            own = _count_live(self._lines.get(job.asker, ()))
            wait = max(1, math.ceil((waiting + 1) * self._seconds / 2))
            if waiting >= self.capacity:
                words = say("{count} questions are waiting already. Ask again later.", count=Number(waiting))
                raise OverloadedError(503, words, wait)
            if own >= max(1, self.capacity // 2):
                words = say(
                    "{count} of your questions are waiting already. Ask again later.", count=Number(own)
                )
                raise OverloadedError(429, words, wait)
            self._lines.setdefault(job.asker, deque()).append(job)
            self._condition.notify()

    def take(self, size: int, wait_seconds: float) -> list[Job]:
        """Return up to `size` jobs of one kind, asker by asker in turn; empty when none came in time."""
        with self._condition:
            if not self._lines and not self._is_closed:
                self._condition.wait(wait_seconds)
            batch: list[Job] = []
            while len(batch) < size and (job := self._next(batch)) is not None:
                if not job.is_cancelled:
                    batch.append(job)
            return batch

    def learn_pace(self, seconds: float) -> None:
        """Take in how long a question took, for telling askers when to come again."""
        self._seconds = 0.8 * self._seconds + 0.2 * seconds

    def close(self) -> list[Job]:
        """Refuse new jobs and return those that waited."""
        with self._condition:
            self._is_closed = True
            left = [job for line in self._lines.values() for job in line]
            self._lines.clear()
            self._condition.notify_all()
            return left

    @property
    def is_closed(self) -> bool:
        """Say whether the queue takes no more jobs."""
        return self._is_closed

    def _count(self) -> int:
        return sum(_count_live(line) for line in self._lines.values())

    def _next(self, batch: Sequence[Job]) -> Job | None:
        for asker, line in self._lines.items():
            if line[0].is_cancelled or not batch or line[0].kind == batch[0].kind:
                job = line.popleft()
                del self._lines[asker]
                if line:
                    self._lines[asker] = line
                return job
        return None


def _count_live(line: Iterable[Job]) -> int:
    """Jobs whose asker has gone take no room: they are dropped when their turn comes."""
    return sum(not job.is_cancelled for job in line)
