"""Latency of single calls, measured apart from the batches that answers for quality come in."""

from __future__ import annotations

import time
from collections.abc import Sequence

from knowhow.evaluation.asking import ArmRunner, answer_examples
from knowhow.evaluation.budget import spread_evenly
from knowhow.evaluation.shared_retrieval import SharedComponents
from knowhow.progress import progress
from knowhow.types import Example


def time_single_answers(
    runners: Sequence[ArmRunner],
    asked: Sequence[Example],
    components: SharedComponents,
    *,
    calls: int,
    fewest: int,
    seconds: float,
    rounds: int | None = None,
) -> dict[str, tuple[float, ...]]:
    """Return milliseconds of single calls by arm for at most `calls` questions, from `fewest` on only while `seconds` last.

    Each question goes through all arms before the next one, so that a busy moment of the machine hits all alike. The first call of an
    arm only warms it up. Searches are made anew; calls timed before are not made again. `rounds` repeats an earlier measurement.
    """
    shared = [example for example in asked if all(runner.has_answer(example) for runner in runners)]
    chosen = [shared[place] for place in spread_evenly(len(shared), calls)]
    if rounds is not None:
        chosen, seconds = chosen[:rounds], float("inf")
    timed: list[Example] = []
    cold = {runner.arm.key for runner in runners}
    started = time.monotonic()
    with (
        components.uncached(),
        progress("Timing single answers", len(chosen) * len(runners), "answers") as bar,
    ):
        for example in chosen:
            for runner in runners:
                if runner.question(example) not in runner.store.latencies_ms:
                    if runner.arm.key in cold:
                        answer_examples(runner.pipeline, [example])
                    cold.discard(runner.arm.key)
                    _time(runner, example)
                bar.advance(note=runner.arm.key)
            timed.append(example)
            elapsed = time.monotonic() - started
            if len(timed) >= fewest and elapsed * (1 + 1 / len(timed)) > seconds:
                break
    return {
        runner.arm.key: tuple(
            runner.store.latencies_ms[runner.question(example)]
            for example in timed
            if runner.question(example) in runner.store.latencies_ms
        )
        for runner in runners
    }


def _time(runner: ArmRunner, example: Example) -> None:
    started = time.perf_counter()
    answer = answer_examples(runner.pipeline, [example])[0]
    elapsed_ms = (time.perf_counter() - started) * 1000
    if answer.error is None:
        runner.store.put_latency(runner.question(example), elapsed_ms)
