"""Shadow mode: the challenger answers what the champion has answered, when nobody waits, and nobody sees it.

It has parts of its own and the lowest priority of the machine, begins only while the server is idle, and gives up as soon as somebody asks; so
it neither delays nor changes an answer of the champion.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from knowhow.errors import KnowHowError
from knowhow.protocols import Pipeline
from knowhow.serving.jobs import Job
from knowhow.types import Answer
from knowhow.workspace import Workspace

logger = logging.getLogger("knowhow.serving")
_LOOK_SECONDS = 0.1
_MOST_WAITING, _ATTEMPTS = 64, 3
_LOWEST_PRIORITY = 19


class _GivenUp(Exception):
    """Somebody asks: the answer that nobody sees can wait."""


@dataclass
class _Waiting:
    job: Job
    answer: Answer
    attempts: int = 0


class Shadow(threading.Thread):
    """Answers again with the challenger and hands pairs of answers to `note_pair`; questions beyond a few dozen waiting are left out."""

    def __init__(
        self,
        workspace: Workspace,
        is_busy: Callable[[], bool],
        note_pair: Callable[[Job, Answer, Answer], None],
        note_unloadable: Callable[[str, KnowHowError], None],
    ) -> None:
        super().__init__(name="knowhow-shadow", daemon=True)
        self._source, self._is_busy = workspace, is_busy
        self._note_pair, self._note_unloadable = note_pair, note_unloadable
        self._waiting: deque[_Waiting] = deque(maxlen=_MOST_WAITING)
        self._has_ended = threading.Event()
        self._own: Workspace | None = None
        self._pipeline: Pipeline | None = None
        self._release = ""
        self.answered = self.given_up = 0

    def offer(self, job: Job, answer: Answer) -> None:
        """Take in a question that the champion has answered; costs an append."""
        if job.assignment.shadow:
            self._waiting.append(_Waiting(job, answer))

    def run(self) -> None:
        """Answer what waits whenever the server is idle."""
        if sys.platform == "linux":
            # On Linux a priority belongs to a thread, and threads that engines start from here inherit it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        while not self._has_ended.wait(_LOOK_SECONDS):
            while self._waiting and not self._is_busy() and not self._has_ended.is_set():
                self._answer(self._waiting.popleft())
        self._close()

    def stop(self) -> None:
        """Give up what is being answered, and stop."""
        self._has_ended.set()
        if self.is_alive():
            self.join(5.0)

    def _answer(self, waiting: _Waiting) -> None:
        query, release = waiting.job.query, waiting.job.assignment.shadow
        assert query is not None
        try:
            pipeline = self._load(release)
            answer = pipeline.answer([query], self._give_way)[0]
        except _GivenUp:
            self.given_up += 1
            waiting.attempts += 1
            if waiting.attempts < _ATTEMPTS:
                self._waiting.append(waiting)
            return
        except KnowHowError as error:
            logger.error("the challenger cannot answer unseen: %s", error)
            self._note_unloadable(release, error)
            self._waiting.clear()
            return
        self.answered += 1
        self._note_pair(waiting.job, waiting.answer, replace(answer, release=release))

    def _give_way(self, position: int, text: str) -> None:
        if self._has_ended.is_set() or self._is_busy():
            raise _GivenUp

    def _load(self, release: str) -> Pipeline:
        if self._pipeline is None or self._release != release:
            self._close()
            self._own = Workspace(self._source.root, self._source.settings)
            self._pipeline, self._release = self._own.released(release), release
        return self._pipeline

    def _close(self) -> None:
        if self._pipeline is not None:
            close = getattr(self._pipeline, "close", None)
            if close is not None:
                close()
            self._pipeline = None
        if self._own is not None:
            self._own.close()
            self._own = None
