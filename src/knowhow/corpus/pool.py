"""A pool of parsing child processes: a file that hangs, exhausts memory or crashes its parser costs one problem and one child."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock
from typing import Any

from knowhow.corpus.worker import HEADER

_WINDOW_PER_WORKER = 6
_BLOCK = 1 << 16
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Task:
    """One file to parse: its path on disk, its name in messages and the registered loader."""

    path: str
    name: str
    loader: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost."""

    timeout_seconds: float = 60.0
    memory_megabytes: int = 2048
    max_megabytes: float = 64.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """The child's reply: digest of the bytes, documents and problems as plain values (see `knowhow.corpus.worker.parse`)."""

    digest: str = ""
    documents: Sequence[dict[str, Any]] = ()
    problems: Sequence[dict[str, str]] = ()


@dataclass
class ParserPool:
    """Parses files in `size` reused child processes, started when first needed; close it to end them."""

    size: int
    limits: Limits = field(default_factory=Limits)
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Start no process yet."""
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="parser")
        self._idle: SimpleQueue[_Child] = SimpleQueue()
        self._children = [_Child(self.modules) for _ in range(self.size)]
        for child in self._children:
            self._idle.put(child)

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def parse(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Parsed], None, None]:
        """Yield every task with its result, in order, while a bounded number of later ones is already being parsed."""
        waiting: deque[tuple[Task, Future[Parsed]]] = deque()
        try:
            for task in tasks:
                waiting.append((task, self._threads.submit(self._parse_one, task)))
                if len(waiting) >= self.size * _WINDOW_PER_WORKER:
                    first, result = waiting.popleft()
                    yield first, result.result()
            while waiting:
                first, result = waiting.popleft()
                yield first, result.result()
        finally:
            for _, result in waiting:
                result.cancel()

    def close(self) -> None:
        """End every child, also one that hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.close()
        self._threads.shutdown(wait=True)
        for child in self._children:
            child.stop()

    def _parse_one(self, task: Task) -> Parsed:
        child = self._idle.get()
        try:
            return child.parse(task, self.limits)
        finally:
            self._idle.put(child)


class _Child:
    """One child process with its pipes, replaced after every failure."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._is_closed = self._is_ready = False

    def parse(self, task: Task, limits: Limits) -> Parsed:
        """Send one task and wait for the reply; any failure of the child becomes a problem of this file."""
        request = {
            "path": task.path,
            "name": task.name,
            "loader": task.loader,
            "max_bytes": int(limits.max_megabytes * 1e6),
            "memory_megabytes": limits.memory_megabytes,
            "timeout_seconds": limits.timeout_seconds,
        }
        process = self._running()
        if process is None:
            return _failed("crashed", "Ingest was stopped before the file was parsed.", "Run ingest again.")
        try:
            if not self._is_ready:
                _receive_frame(process, time.monotonic() + _START_SECONDS)
                self._is_ready = True
            reply = _exchange(process, json.dumps(request).encode(), limits.timeout_seconds)
        except TimeoutError:
            self.stop()
            return _failed(
                "timeout",
                f"Parsing took longer than {limits.timeout_seconds:g} seconds and was stopped.",
                "Split or simplify the file, or raise timeout_seconds under [documents].",
            )
        except (EOFError, BrokenPipeError):
            return self._crashed(process)
        if "failure" not in reply:
            return Parsed(reply["digest"], reply["documents"], reply["problems"])
        self.stop()
        if reply["failure"] == "memory":
            return _failed(
                "memory",
                f"Parsing needed more than {limits.memory_megabytes} MB of memory and was stopped.",
                "Split or simplify the file, or raise memory_megabytes under [documents].",
            )
        return _failed(
            "malformed",
            f"The parser could not make sense of it ({reply['failure']}).",
            "Open the file in the program that made it and save it again.",
        )

    def stop(self) -> None:
        """Kill the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Kill the process for good; the thread that waits for it sees its end and closes the pipes."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _running(self) -> subprocess.Popen[bytes] | None:
        """Return the process, started anew where needed; None once closed."""
        with self._lock:
            if self._is_closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self.stop()
                self._process, self._is_ready = _start(self._modules), False
            return self._process

    def _crashed(self, process: subprocess.Popen[bytes]) -> Parsed:
        code = process.wait()
        self.stop()
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return _failed(
            "crashed",
            f"The parser crashed on it ({cause}).",
            "Open the file in the program that made it and save it again; it may also be hostile.",
        )


def _start(modules: tuple[str, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "knowhow.corpus.worker", *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={**os.environ, "MALLOC_ARENA_MAX": "2", "PYTHONIOENCODING": "utf-8"},
        start_new_session=True,
    )


def _exchange(process: subprocess.Popen[bytes], request: bytes, timeout_seconds: float) -> dict[str, Any]:
    assert process.stdin is not None
    deadline = time.monotonic() + timeout_seconds
    process.stdin.write(HEADER.pack(len(request)) + request)
    return _receive_frame(process, deadline)


def _receive_frame(process: subprocess.Popen[bytes], deadline: float) -> dict[str, Any]:
    assert process.stdout is not None
    source = process.stdout.fileno()
    size = HEADER.unpack(_receive(source, HEADER.size, deadline))[0]
    reply = json.loads(_receive(source, size, deadline))
    assert isinstance(reply, dict)
    return reply


def _receive(source: int, size: int, deadline: float) -> bytes:
    """Read exactly `size` bytes; TimeoutError at the deadline, EOFError when the child has gone."""
    received = bytearray()
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while len(received) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError
        block = os.read(source, min(_BLOCK, size - len(received)))
        if not block:
            raise EOFError
        received += block
    return bytes(received)


def _failed(kind: str, reason: str, mend: str) -> Parsed:
    return Parsed(problems=({"reason": reason, "mend": mend, "kind": kind, "row": ""},))
