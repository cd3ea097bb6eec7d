"""The one thread that answers: it takes what waits, batch by batch, with the release that the catalog points at in that moment."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from knowhow.deletion.tombstones import FILE_NAME as TOMBSTONES
from knowhow.errors import KnowHowError, PolicyError
from knowhow.formats import is_demanding
from knowhow.protocols import Pipeline
from knowhow.releases.events import Standing
from knowhow.serving.failures import RequestError, translate
from knowhow.serving.jobs import Finished, Job, JobQueue, TextPart
from knowhow.serving.keys import file_signature
from knowhow.traffic.assignment import CHALLENGER_ARM
from knowhow.types import Answer
from knowhow.workspace import Workspace

logger = logging.getLogger("knowhow.serving")

CHAMPION = "champion"
_IDLE_SECONDS = 0.5


class _Abandoned(Exception):
    """Nobody waits for any answer of the batch any more."""


class Answerer(threading.Thread):
    """Owns every pipeline: nothing else generates, so the core below needs no locks."""

    def __init__(self, workspace: Workspace, fallback: str) -> None:
        super().__init__(name="knowhow-answering", daemon=True)
        self.workspace, self.fallback = workspace, fallback
        self.settings = workspace.settings.serve
        self.queue = JobQueue(self.settings.queue)
        self.problem = ""
        self.answered = self.failed = self.cancelled = 0
        self._pipelines: OrderedDict[str, Pipeline] = OrderedDict()
        self._standing = Standing()
        self._signature: tuple[int, int] | None = None
        self._purged = file_signature(workspace.root / TOMBSTONES)
        self._lock = threading.Lock()
        self._last_good = ""
        self._running: list[Job] = []
        self._answering = ""
        self.on_answer: Callable[[Job, Answer], None] = lambda job, answer: None
        self.before_delivery: Callable[[Job, Answer], None] = lambda job, answer: None
        self.on_unloadable: Callable[[str, KnowHowError], None] = lambda release, error: None
        self.expect: Callable[[], str] = lambda: ""

    @property
    def is_busy(self) -> bool:
        """Say whether something is being answered or waits for it."""
        return bool(self._running) or len(self.queue) > 0

    def standing(self) -> Standing:
        """Where the aliases point now; read again only when the log has changed."""
        log = self.workspace.releases.log
        signature = file_signature(log)
        with self._lock:
            if signature != self._signature:
                self._standing = self.workspace.releases.standing()
                self._signature = signature
            return self._standing

    def name_champion(self) -> str:
        """Return the id of the release that answers, or the unreleased strategy that does until there is one."""
        return self.standing().champion or f"unreleased:{self.fallback}"

    def submit(self, job: Job) -> None:
        """Put a job into the queue; OverloadedError when there is no room."""
        self.queue.put(job)

    def run(self) -> None:
        """Answer until the queue is closed and empty."""
        self._warm_up()
        while True:
            batch = self.queue.take(self.settings.batch, _IDLE_SECONDS)
            if batch:
                self._work(batch)
            elif self.queue.is_closed:
                return
            else:
                self._prepare()

    def stop(self) -> None:
        """Take no more, tell those who wait to come again, and let what is being written finish."""
        gone = RequestError(503, "The server is stopping.", code="stopping", headers={"Retry-After": "5"})
        for job in self.queue.close():
            job.put(Finished(error=gone))

    def abandon(self) -> None:
        """Stop what is being written, with an error to those who wait for it."""
        cut = RequestError(503, "The server stopped before the answer was finished.", code="stopping")
        for job in list(self._running):
            if not job.is_done:
                job.put(Finished(error=cut))
                job.cancel()

    def _warm_up(self) -> None:
        try:
            self._pipeline(self.name_champion())
        except KnowHowError as error:
            self._note_problem(error)

    def _prepare(self) -> None:
        """Load the challenger while nobody waits, so that its first asker need not."""
        name = self.expect()
        if name and name not in self._pipelines:
            try:
                self._pipeline(name)
            except KnowHowError as error:
                self.on_unloadable(name, error)

    def _work(self, batch: list[Job]) -> None:
        started = time.perf_counter()
        self._running, self._answering = batch, ""
        for job in batch:
            job.started = started
        try:
            if batch[0].query is None:
                self._embed(batch)
            else:
                self._answer(batch)
        except _Abandoned:
            self.cancelled += len(batch)
        except KnowHowError as error:
            self._fail(batch, translate(error, self.workspace.root))
        except Exception:
            # The border: the thread survives what one batch does to it, and the askers learn nothing of its inside.
            logger.exception("an answer failed")
            self._fail(batch, RequestError(500, "The answer failed. The server's log says why.", code="bug"))
        finally:
            self._running = []
            self.queue.learn_pace((time.perf_counter() - started) / len(batch))

    def _answer(self, batch: list[Job]) -> None:
        pipeline, release = self._choose_pipeline(batch[0])
        self._answering = release
        queries = [job.query for job in batch if job.query is not None]
        is_live = self._streams_live(pipeline)

        def on_text(position: int, text: str) -> None:
            job = batch[position]
            if job.is_cancelled and all(other.is_cancelled for other in batch):
                raise _Abandoned
            if is_live and job.wants_text and not job.is_cancelled:
                job.put(TextPart(text))

        for job, answer in zip(batch, pipeline.answer(queries, on_text), strict=True):
            named = replace(answer, release=release)
            self.before_delivery(job, named)
            job.put(Finished(named))
            self.answered += 1
            self.failed += answer.error is not None
            self.on_answer(job, named)

    def _streams_live(self, pipeline: Pipeline) -> bool:
        """Say whether text may be sent before it is checked: not where the check could refuse or shorten it."""
        style = getattr(getattr(pipeline, "inner", pipeline), "style", None)
        is_safe = style is None or not (style.quotes or is_demanding(style.form))
        return self.settings.stream == "live" and is_safe

    def _embed(self, batch: list[Job]) -> None:
        texts = [text for job in batch for text in job.texts]
        vectors = self.workspace.components.embedder().embed(texts)
        start = 0
        for job in batch:
            job.put(Finished(vectors=vectors[start : start + len(job.texts)]))
            start += len(job.texts)

    def _choose_pipeline(self, job: Job) -> tuple[Pipeline, str]:
        """Return what answers a job; where a challenger cannot be loaded the champion steps in."""
        try:
            return self._find_pipeline(job.target)
        except KnowHowError as error:
            if job.assignment.arm != CHALLENGER_ARM:
                raise
            self.on_unloadable(job.target, error)
            return self._find_pipeline(CHAMPION)

    def _find_pipeline(self, target: str) -> tuple[Pipeline, str]:
        """Return the pipeline and the name of what answers; a champion that cannot be loaded leaves the one before in its place."""
        name = self.name_champion() if target == CHAMPION else target
        try:
            pipeline = self._pipeline(name)
        except KnowHowError as error:
            if target != CHAMPION or not self._last_good or self._last_good == name:
                raise
            self._note_problem(error)
            return self._pipeline(self._last_good), self._last_good
        if target == CHAMPION:
            self._last_good, self.problem = name, ""
        return pipeline, name

    def _pipeline(self, name: str) -> Pipeline:
        self._forget_purged()
        if name in self.standing().quarantined:
            self._drop(name)
            raise PolicyError(f"{name} is quarantined: it learned from a document that was purged.")
        if name not in self._pipelines:
            strategy = name.removeprefix("unreleased:")
            is_released = strategy == name
            self._pipelines[name] = (
                self.workspace.released(name) if is_released else self.workspace.pipeline(strategy)
            )
            self._forget_oldest()
        self._pipelines.move_to_end(name)
        return self._pipelines[name]

    def _forget_oldest(self) -> None:
        for name in list(self._pipelines)[: -self.settings.kept_releases - 1]:
            if name != self._last_good:
                self._drop(name)

    def _drop(self, name: str) -> None:
        close = getattr(self._pipelines.pop(name, None), "close", None)
        if close is not None:
            close()

    def _forget_purged(self) -> None:
        """Load everything anew once something was purged: loaded pipelines may hold what they learned or showed."""
        signature = file_signature(self.workspace.root / TOMBSTONES)
        if signature != self._purged:
            self._purged = signature
            for name in list(self._pipelines):
                self._drop(name)

    def _note_problem(self, error: KnowHowError) -> None:
        self.problem = translate(error, self.workspace.root).message
        logger.error("cannot load the champion: %s", error)

    def _fail(self, batch: list[Job], error: RequestError) -> None:
        self.failed += len(batch)
        for job in batch:
            if not job.is_done:
                job.put(Finished(error=error))
                if self._answering and job.query is not None:
                    self.on_answer(job, Answer("", error=error.message, release=self._answering))
