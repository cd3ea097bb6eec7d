"""Under load: refusing instead of queueing, clients that leave, rollbacks in between, and stopping."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.serving.failures import OverloadedError
from knowhow.serving.jobs import Job, JobQueue
from knowhow.serving.service import Service
from knowhow.types import Query
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

QUESTION = "Which key opens drawer 7 of clerk 49?"
ANSWER = "Drawer 7 opens with the key 217 of clerk 49."
WORDS = len(ANSWER.split())


def chat(question: str = QUESTION, **options: Any) -> dict[str, Any]:
    return {"model": "knowhow", "messages": [{"role": "user", "content": question}], **options}


def until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[str, Service]]:
    extra = "[strategy.parrot]\npause_seconds = 0.05\n[serve]\nqueue = 4\ngrace_seconds = 3.0\n"
    with serving(make_workspace(tmp_path / "bot", examples=12, extra=extra)) as found:
        yield found


def test_a_full_queue_refuses_at_once_and_recovers(slow: tuple[str, Service]) -> None:
    address, service = slow
    keys = [service.keys.create(f"asker{n}", "user", frozenset(), by="test") for n in range(6)]
    done: list[httpx2.Response] = []

    def ask(key: str) -> httpx2.Response:
        response = client(address, key).post("/v1/chat/completions", json=chat())
        done.append(response)
        return response

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(ask, keys * 2))
    codes = [reply.status_code for reply in replies]
    assert codes.count(200) >= 4
    refused = [reply for reply in replies if reply.status_code != 200]
    assert refused
    assert {reply.status_code for reply in refused} <= {429, 503}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    # Refusals come before the first answer is finished: nobody waits to hear that there is no room.
    first_refusals = [reply.status_code for reply in done[: len(refused)]]
    assert first_refusals.count(200) <= 1
    assert all(
        reply.json()["choices"][0]["message"]["content"] == ANSWER
        for reply in replies
        if reply.status_code == 200
    )
    assert client(address, keys[0]).post("/v1/chat/completions", json=chat()).status_code == 200


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_client_that_leaves_stops_the_writing(slow: tuple[str, Service], is_streamed: bool) -> None:
    address, service = slow
    until(lambda: "unreleased:parrot" in service.answerer._pipelines)
    pipeline = service.answerer._pipelines["unreleased:parrot"]
    if is_streamed:
        with client(address).stream("POST", "/v1/chat/completions", json=chat(stream=True)) as response:
            lines = response.iter_lines()
            next(line for line in lines if "Drawer" in line)
    else:
        with pytest.raises(httpx2.ReadTimeout):
            client(address).post("/v1/chat/completions", json=chat(), timeout=0.12)
    until(lambda: service.answerer.cancelled == 1)
    assert pipeline.words < WORDS
    assert (
        client(address).post("/v1/chat/completions", json=chat()).json()["choices"][0]["message"]["content"]
        == ANSWER
    )


def test_a_client_that_leaves_the_queue_takes_no_room(slow: tuple[str, Service]) -> None:
    address, service = slow
    running = threading.Thread(target=lambda: client(address).post("/v1/chat/completions", json=chat()))
    running.start()
    until(lambda: len(service.answerer._running) == 1)
    for _ in range(6):
        with pytest.raises(httpx2.ReadTimeout):
            client(address).post("/v1/chat/completions", json=chat(), timeout=0.05)
        until(lambda: len(service.answerer.queue) == 0)
    running.join()
    until(lambda: not service.answerer._running)
    assert service.answerer.answered <= 2


def test_an_answer_over_time_is_cut_with_an_error(tmp_path: Path) -> None:
    extra = "[strategy.parrot]\npause_seconds = 0.2\n[serve]\nrequest_seconds = 0.5\n"
    with serving(make_workspace(tmp_path / "bot", examples=12, extra=extra)) as (address, service):
        until(lambda: bool(service.answerer._pipelines))
        late = client(address).post("/v1/chat/completions", json=chat())
        assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")
        with client(address).stream("POST", "/v1/chat/completions", json=chat(stream=True)) as response:
            lines = [line for line in response.iter_lines() if line]
        assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "timeout"


def test_stopping_finishes_what_was_begun_and_refuses_the_rest(tmp_path: Path) -> None:
    extra = "[strategy.parrot]\npause_seconds = 0.03\n[serve]\ngrace_seconds = 5.0\n"
    replies: dict[str, Any] = {}
    with serving(make_workspace(tmp_path / "bot", examples=12, extra=extra)) as (address, service):
        until(lambda: bool(service.answerer._pipelines))

        def ask(name: str) -> None:
            with client(address).stream("POST", "/v1/chat/completions", json=chat(stream=True)) as response:
                replies[name] = response.read().decode()

        threads = []
        for name in ("begun", "waiting"):
            threads.append(threading.Thread(target=ask, args=(name,)))
            threads[-1].start()
            until(lambda: bool(service.answerer._running))
        until(lambda: len(service.answerer.queue) == 1)
    for thread in threads:
        thread.join()
    assert replies["begun"].endswith("data: [DONE]\n\n")
    assert ANSWER in replies["begun"]
    assert '"code":"stopping"' in replies["waiting"]


def test_stopping_ends_an_answer_that_takes_too_long_with_an_error(tmp_path: Path) -> None:
    extra = "[strategy.parrot]\npause_seconds = 0.5\n[serve]\ngrace_seconds = 0.3\n"
    body: list[str] = []
    with serving(make_workspace(tmp_path / "bot", examples=12, extra=extra)) as (address, service):
        until(lambda: bool(service.answerer._pipelines))

        def ask() -> None:
            with client(address).stream("POST", "/v1/chat/completions", json=chat(stream=True)) as response:
                body.append(response.read().decode())

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: bool(service.answerer._running))
    thread.join()
    assert '"code":"stopping"' in body[0]
    assert "[DONE]" not in body[0]


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=40)
    ids = []
    for prefix in ("", "Well: "):
        config = folder / "knowhow.toml"
        config.write_text(
            config.read_text().partition("[strategy")[0] + f'[strategy.parrot]\nprefix = "{prefix}"\n'
        )
        run = run_comparison(folder)
        with Workspace(folder) as workspace:
            ids.append(workspace.release(ReleaseOrder(run, "parrot", "r", "ada", "a test")).id)
            workspace.releases.promote(ids[-1], by="ada", reason="go")
    return folder, ids


def test_twenty_rollbacks_under_load_lose_nothing(two_releases: tuple[Path, list[str]]) -> None:
    folder, (first, second) = two_releases
    is_over = threading.Event()
    replies: list[httpx2.Response] = []
    with serving(folder) as (address, _service):
        session = client(address)
        before = session.post("/v1/chat/completions", json=chat()).json()
        assert before["knowhow"]["release"] == second

        def ask() -> None:
            own = client(address)
            while not is_over.is_set():
                replies.append(own.post("/v1/chat/completions", json=chat()))

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        for _ in range(10):
            moved = session.post("/api/releases/rollback", json={"reason": "drill"})
            assert moved.json()["release"] == first
            after = session.post("/v1/chat/completions", json=chat()).json()
            assert (after["knowhow"]["release"], after["knowhow"]["text"]) == (first, ANSWER)
            session.post("/api/releases/promote", json={"release": second, "reason": "drill"})
            again = session.post("/v1/chat/completions", json=chat()).json()
            assert again["knowhow"]["text"] == f"Well: {ANSWER}" == before["knowhow"]["text"]
        is_over.set()
        for asker in askers:
            asker.join()
    assert {reply.status_code for reply in replies} == {200}
    texts = {(reply.json()["knowhow"]["release"], reply.json()["knowhow"]["text"]) for reply in replies}
    assert texts <= {(first, ANSWER), (second, f"Well: {ANSWER}")}


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before(two_releases: tuple[Path, list[str]]) -> None:
    folder, (first, second) = two_releases
    with serving(folder) as (address, service):
        session = client(address)
        session.post("/v1/chat/completions", json=chat())
        file = folder / ".knowhow" / "releases" / first / "fitted" / "parrot.json"
        whole = file.read_bytes()
        service.workspace.releases.rollback(by="ada", reason="drill")
        file.write_bytes(b"{}")
        reply = session.post("/v1/chat/completions", json=chat()).json()
        assert reply["knowhow"]["release"] == second
        assert session.get("/api/health").json() == {"status": "degraded"}
        assert "is not the file" in session.get("/api/health/details").json()["problem"]
        assert str(folder) not in session.get("/api/health/details").text
        file.write_bytes(whole)
        assert session.post("/v1/chat/completions", json=chat()).json()["knowhow"]["release"] == first
        assert session.get("/api/health").json() == {"status": "ok"}
        service.workspace.releases.promote(second, by="ada", reason="drill")


@pytest.mark.anyio
async def test_nobody_may_fill_the_queue_alone_and_turns_are_taken() -> None:
    queue = JobQueue(6)
    for number in range(3):
        queue.put(Job("greedy", "champion", Query(f"g{number}")))
    with pytest.raises(OverloadedError) as refused:
        queue.put(Job("greedy", "champion", Query("g3")))
    assert refused.value.status == 429
    for number in range(3):
        queue.put(Job(f"other{number}", "champion", Query(f"o{number}")))
    with pytest.raises(OverloadedError) as full:
        queue.put(Job("late", "champion", Query("l")))
    assert full.value.status == 503
    order = [queue.take(1, 0)[0].query.text for _ in range(6)]
    assert order == ["g0", "o0", "o1", "o2", "g1", "g2"]


@pytest.mark.anyio
async def test_a_batch_is_of_one_kind_and_without_those_who_left() -> None:
    queue = JobQueue(10)
    jobs = [
        Job("a", "champion", Query("1")),
        Job("b", "rag-1", Query("2")),
        Job("c", "champion", Query("3")),
        Job("d", "champion", Query("4")),
        Job("e", "embedder", texts=["5"]),
    ]
    for job in jobs:
        queue.put(job)
    jobs[2].cancel()
    assert queue.take(8, 0) == [jobs[0], jobs[3]]
    assert queue.take(8, 0) == [jobs[1]]
    assert queue.take(8, 0) == [jobs[4]]
    assert queue.take(8, 0) == []
    assert queue.close() == []
    with pytest.raises(OverloadedError):
        queue.put(jobs[0])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
