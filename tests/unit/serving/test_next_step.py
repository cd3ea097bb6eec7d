"""The one next step, as a table over situations."""

from __future__ import annotations

import pytest

from knowhow.serving.next_step import Situation, find_next_step

READY = {"documents": 5, "examples": 40}


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (Situation("admin"), "add_documents"),
        (Situation("admin", unread=3), "ingest"),
        (Situation("admin", documents=5, unread=1, task="compare"), "ingest"),
        (Situation("user"), "no_documents"),
        (Situation("reviewer"), "no_documents"),
        (Situation("admin", **READY, task="compare"), "watch"),
        (Situation("admin", **READY, task="purge"), "watch"),
        (Situation("admin", **READY, waiting=2, errors=1), "review"),
        (Situation("admin", documents=5, examples=19), "add_examples"),
        (Situation("admin", **READY, errors=1), "mend"),
        (Situation("admin", **READY), "compare"),
        (Situation("reviewer", **READY), "ask"),
        (Situation("admin", **READY, runs=1, new_examples=10, proposal="rag"), "compare_again"),
        (Situation("admin", **READY, runs=1, new_examples=9, proposal="rag", run="r"), "release"),
        (Situation("admin", **READY, runs=1), "ask"),
        (Situation("user", documents=1, waiting=9, errors=9), "ask"),
    ],
)
def test_one_step_for_each_situation(situation: Situation, step: str) -> None:
    found = find_next_step(situation)
    assert found.name == step
    assert found.link.startswith("/")
