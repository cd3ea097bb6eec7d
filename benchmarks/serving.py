"""What the server adds to its engine, what overload does to it, and how soon it notices a client that left.

The engine is a stand-in that writes a word every few milliseconds, so that everything beyond it is the server's own time. The clients
run in a process of their own. Run: python benchmarks/serving.py [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.protocols import Components, Pipeline, TextSink
from knowhow.registry import register
from knowhow.types import Answer, Example, Query, Traits
from knowhow.workspace import Workspace

STREAMS = 20


@dataclass
class SteadyPipeline:
    """Writes `words` words to each question of a batch at once, a round every `pause_ms`."""

    words: int
    pause_ms: float
    stopped: list[float] = field(default_factory=list)

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """Write round by round and remember when it was stopped."""
        for number in range(self.words):
            time.sleep(self.pause_ms / 1000)
            for position in range(len(queries)):
                try:
                    if on_text is not None:
                        on_text(position, f" word{number}" if number else "word0")
                except BaseException:
                    self.stopped.append(time.perf_counter())
                    raise
        text = " ".join(f"word{number}" for number in range(self.words))
        return [Answer(text, completion_tokens=self.words) for _ in queries]


@register("strategy", "steady")
@dataclass(frozen=True)
class Steady:
    """The stand-in as a strategy."""

    words: int = 20
    pause_ms: float = 10.0
    traits = Traits()

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the stand-in."""
        return SteadyPipeline(self.words, self.pause_ms)


@contextmanager
def serving(batch: int, queue: int, words: int, pause_ms: float) -> Iterator[tuple[int, Any]]:
    """Serve the stand-in in this process; yields port and service."""
    import socket

    from knowhow.serving.server import Server
    from knowhow.serving.service import Service

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "documents").mkdir()
        (folder / "documents" / "one.md").write_text("One document.")
        (folder / "knowhow.toml").write_text(
            f'[embedder]\nname = "fake"\n[generator]\nname = "fake"\n[serve]\nbatch = {batch}\nqueue = {queue}\n'
            f"[strategy.steady]\nwords = {words}\npause_ms = {pause_ms}\n"
        )
        with Workspace(folder) as workspace:
            workspace.ingest()
            service = Service(workspace, fallback="steady")
            listening = socket.socket()
            listening.bind(("127.0.0.1", 0))
            server = Server(service, "127.0.0.1", 0)
            thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
            thread.start()
            while not (server.started and service.answerer._pipelines):
                time.sleep(0.01)
            yield listening.getsockname()[1], service
            server.stop()
            thread.join(20)


async def ask(port: int) -> dict[str, float]:
    """Stream one answer over a fresh connection; milliseconds in all, and in queue and engine as the server tells."""
    body = json.dumps(
        {"model": "knowhow", "messages": [{"role": "user", "content": "?"}], "stream": True}
    ).encode()
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
        + f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    whole = await reader.readuntil(b"\r\n\r\n")
    whole += await (reader.readuntil(b"data: [DONE]") if b" 200 " in whole[:16] else reader.read())
    total = (time.perf_counter() - started) * 1000
    writer.close()
    status = int(whole.split(b" ", 2)[1])
    if status != 200:
        return {"status": status, "total": total}
    line = next(line for line in whole.split(b"data: ") if b'"knowhow":{' in line)
    timings = json.loads(line.split(b"\n\n")[0])["knowhow"]["timings_ms"]
    return {"status": 200, "total": total, "queue": timings["queue"], "engine": timings["engine"]}


async def ask_closed(port: int, streams: int, seconds: float) -> list[dict[str, float]]:
    """Keep `streams` questions in flight."""
    end = time.perf_counter() + seconds
    found: list[dict[str, float]] = []

    async def keep_asking() -> None:
        while time.perf_counter() < end:
            found.append(await ask(port))

    await asyncio.gather(*(keep_asking() for _ in range(streams)))
    return found


async def ask_open(port: int, rate: float, seconds: float) -> list[dict[str, float]]:
    """Begin `rate` questions a second whatever becomes of them."""
    tasks = []
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port)))
    return list(await asyncio.gather(*tasks))


def elsewhere(function: Any, *arguments: Any) -> Any:
    """Run a coroutine function in a process of its own, so that clients and server do not share an interpreter."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (function, arguments))


def run(function: Any, arguments: tuple[Any, ...]) -> Any:
    return asyncio.run(function(*arguments))


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure_overhead(seconds: float) -> dict[str, float]:
    with serving(STREAMS, 64, 20, 10.0) as (port, _):
        elsewhere(ask_closed, port, STREAMS, 1.0)
        # Questions come when they come: an answer takes 0.2 s and waits 0.1 s for the batch before it, so that about 20 are in flight.
        started = time.process_time()
        found = elsewhere(ask_open, port, STREAMS / 0.3, seconds)
        processor = time.process_time() - started
    asked, found = len(found), [row for row in found if row["status"] == 200]
    overhead = [row["total"] - row["queue"] - row["engine"] for row in found]
    return {
        "streams": STREAMS,
        "asked": asked,
        "answers": len(found),
        "processor_ms_per_answer": round(1000 * processor / len(found), 2),
        "overhead_p50_ms": round(statistics.median(overhead), 2),
        "overhead_p99_ms": round(quantile(overhead, 0.99), 2),
        "queue_p50_ms": round(statistics.median(row["queue"] for row in found), 2),
        "engine_p50_ms": round(statistics.median(row["engine"] for row in found), 2),
    }


def measure_overload(seconds: float) -> dict[str, float]:
    with serving(1, 16, 10, 2.0) as (port, _):
        elsewhere(ask_closed, port, 2, 1.0)
        capacity = len(elsewhere(ask_closed, port, 4, seconds)) / seconds
        found = elsewhere(ask_open, port, 2 * capacity, seconds)
        alone = [row["total"] for row in elsewhere(ask_closed, port, 1, 1.0)]
    good = [row for row in found if row["status"] == 200]
    refused = [row["total"] for row in found if row["status"] != 200]
    return {
        "capacity_per_second": round(capacity, 1),
        "asked": len(found),
        "answered": len(good),
        "goodput_share": round(len(good) / seconds / capacity, 3),
        "refusal_p50_ms": round(statistics.median(refused), 1),
        "refusal_p99_ms": round(quantile(refused, 0.99), 1),
        "first_answer_after_ms": round(alone[0], 1),
    }


def measure_leaving(clients: int = 100) -> dict[str, float]:
    async def leave(port: int) -> float:
        body = b'{"messages":[{"role":"user","content":"?"}],"stream":true}'
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"word1")
        writer.close()
        return time.perf_counter()

    delays = []
    with serving(1, 16, 400, 5.0) as (port, service):
        pipeline = service.answerer._pipelines["unreleased:steady"]
        for number in range(clients):
            left = asyncio.run(leave(port))
            while len(pipeline.stopped) <= number:
                time.sleep(0.001)
            delays.append((pipeline.stopped[-1] - left) * 1000)
    return {
        "clients": clients,
        "stop_p50_ms": round(statistics.median(delays), 1),
        "stop_max_ms": round(max(delays), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "overhead": measure_overhead(seconds),
        "overload": measure_overload(seconds),
        "leaving": measure_leaving(),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
