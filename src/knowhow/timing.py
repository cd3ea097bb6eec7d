"""Stages of a call, timed where they happen and read by whoever asked for the call: embed and search inside a retrieval."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_stages: ContextVar[dict[str, float] | None] = ContextVar("knowhow_stages", default=None)


@contextmanager
def collect_stages() -> Iterator[dict[str, float]]:
    """Collect the milliseconds of every stage measured inside the block, by name; blocks nest without mixing."""
    stages: dict[str, float] = {}
    token = _stages.set(stages)
    try:
        yield stages
    finally:
        _stages.reset(token)


@contextmanager
def measure(stage: str) -> Iterator[None]:
    """Add the block's wall time to `stage` of the innermost collection; costs nothing to speak of where nobody collects."""
    stages = _stages.get()
    if stages is None:
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        stages[stage] = stages.get(stage, 0.0) + (time.perf_counter() - started) * 1000
