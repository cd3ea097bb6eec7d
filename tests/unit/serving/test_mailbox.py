"""Handing events to a loop: all arrive, in order, whoever writes at the same time, with few wake-ups."""

from __future__ import annotations

import asyncio
import threading

from knowhow.serving.jobs import Finished, Job, TextPart
from knowhow.types import Answer, Query


def test_everything_arrives_in_order_from_several_threads() -> None:
    async def main() -> list[list[str]]:
        jobs = [Job("ada", "champion", Query("Q?")) for _ in range(8)]

        def write(own: list[Job]) -> None:
            for number in range(500):
                for job in own:
                    job.put(TextPart(str(number)))
            for job in own:
                job.put(Finished(Answer("done")))

        threads = [threading.Thread(target=write, args=(jobs[start::2],)) for start in range(2)]
        for thread in threads:
            thread.start()
        found = []
        for job in jobs:
            texts = []
            while isinstance(event := await asyncio.wait_for(job.events.get(), 30), TextPart):
                texts.append(event.text)
            found.append(texts)
        for thread in threads:
            thread.join()
        return found

    assert asyncio.run(main()) == [[str(number) for number in range(500)]] * 8


def test_what_comes_before_the_loop_looks_is_one_wake_up() -> None:
    async def main() -> tuple[int, int]:
        loop, calls = asyncio.get_running_loop(), 0
        wake = loop.call_soon_threadsafe

        def counted(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            return wake(*arguments)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign, assignment]
        jobs = [Job("ada", "champion", Query("Q?")) for _ in range(20)]
        for job in jobs:
            job.put(TextPart("a"))
        await asyncio.sleep(0)
        first = calls
        for job in jobs:
            job.put(TextPart("b"))
        await asyncio.sleep(0)
        assert all(job.events.qsize() == 2 for job in jobs)
        return first, calls

    assert asyncio.run(main()) == (1, 2)


def test_nobody_listens_when_the_loop_has_ended() -> None:
    async def main() -> Job:
        return Job("ada", "champion", Query("Q?"))

    job = asyncio.run(main())
    job.put(TextPart("late"))
    assert job.is_cancelled
