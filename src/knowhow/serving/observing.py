"""The thread that looks at answers after they were given: figures, outcomes, guard rails, alerts; no asker ever waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from knowhow.errors import KnowHowError
from knowhow.monitoring.alerts import Alert
from knowhow.monitoring.exposition import Exposition
from knowhow.monitoring.tracing import Tracing
from knowhow.releases.feedback import Feedback
from knowhow.serving.jobs import Job, JobQueue
from knowhow.traffic.assignment import CHALLENGER_ARM
from knowhow.types import Answer, Query
from knowhow.workspace import Workspace
from knowhow.workspace.monitoring import LiveEvent, LiveMonitor
from knowhow.workspace.traffic import JUDGE, UNASSIGNED, Assignment, Traffic

logger = logging.getLogger("knowhow.serving")
_LOOK_SECONDS = 0.25
_MOST_WAITING = 10_000


class Observer(threading.Thread):
    """Owns monitor and traffic of a server; `note` is all that the answering thread does for them."""

    def __init__(self, workspace: Workspace, queue: JobQueue) -> None:
        super().__init__(name="knowhow-observing", daemon=True)
        settings = workspace.settings
        self.exposition = Exposition(lambda: len(queue))
        self.traffic = Traffic(
            settings, lambda release, reason: workspace.promote(release, by=JUDGE, reason=reason)
        )
        self._tracing = Tracing(settings.monitoring.otlp) if settings.monitoring.otlp else None
        self.monitor = LiveMonitor(
            settings, workspace.components, self.traffic, exposition=self.exposition, tracing=self._tracing
        )
        self.problem = ""
        self._waiting: deque[LiveEvent] = deque(maxlen=_MOST_WAITING)
        self._unloadable: deque[tuple[str, str]] = deque(maxlen=8)
        self._has_ended = threading.Event()

    def assign(self, asker: str, query: Query) -> Assignment:
        """Return what answers a question; what cannot be decided is the champion's."""
        beginning = query.history[0].content if query.history else query.text
        try:
            return self.traffic.assign(asker, beginning)
        except (KnowHowError, OSError) as error:
            self._note_problem(error)
            return UNASSIGNED

    def expect(self) -> str:
        """Return the challenger that askers are going to meet, empty where there is none."""
        try:
            current = self.traffic.follow()
        except (KnowHowError, OSError) as error:
            self._note_problem(error)
            return ""
        if current is None or not current.is_open or current.plan.is_shadow:
            return ""
        return current.pairing.challenger

    def note(self, job: Job, answer: Answer) -> None:
        """Take in an answer that was just given; costs an append."""
        if job.query is not None:
            ended = time.time()
            started = ended - (job.ended - job.started)
            assignment = UNASSIGNED if job.assignment.shadow else settle(job.assignment, answer)
            self._waiting.append(
                LiveEvent(job.id, job.query.text, answer, assignment, job.arrived, started, ended)
            )

    def note_pair(self, job: Job, champion: Answer, challenger: Answer) -> None:
        """Take in what champion and challenger answered to the same question, of which only the champion's was seen."""
        assert job.query is not None
        now = time.time()
        for answer, arm in ((champion, job.assignment.arm), (challenger, CHALLENGER_ARM)):
            place = Assignment(
                "", job.assignment.challenge, job.assignment.unit, arm, "", job.assignment.metric
            )
            self._waiting.append(
                LiveEvent(job.id, job.query.text, answer, place, now, now, now, is_shadow=True)
            )

    def note_unloadable(self, release: str, error: KnowHowError) -> None:
        """Take in that the challenger cannot be loaded: its challenge ends."""
        self._unloadable.append((release, str(error)))

    def note_feedback(self, assignment: Assignment, feedback: Feedback) -> None:
        """Keep what an asker thinks of an answer as its outcome: a thumb, or 0 where something was put right."""
        is_put_right = bool(feedback.correction or feedback.wrong_sources or feedback.missing_document)
        if feedback.rating or is_put_right:
            self.note_outcome(assignment, "rating", float(feedback.rating == "up"))

    def note_outcome(self, assignment: Assignment, metric: str, value: float) -> bool:
        """Keep an outcome durably; False where the answer belongs to no challenge."""
        if not assignment.arm:
            return False
        self.traffic.note(assignment, metric, value)
        return True

    def run(self) -> None:
        """Look four times a second at what has come in."""
        self._try(self.monitor.resume)
        while not self._has_ended.wait(_LOOK_SECONDS):
            self._try(self.look)

    def look(self) -> None:
        """Take in what has come since the last look, and do what follows from it."""
        self._take()
        while self._unloadable:
            release, text = self._unloadable.popleft()
            current = self.traffic.follow()
            if current is not None and current.pairing.challenger == release:
                reason = f"The challenger could not be loaded: {text}"
                self.monitor.raise_alert(self.traffic.stop("failed", reason, JUDGE))
        self.monitor.tick()

    def _take(self) -> None:
        events = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if events:
            self.monitor.take(events)

    def stop(self) -> None:
        """Take in what is left, and stop; alerts that wait are sent by the next server."""
        self._has_ended.set()
        if self.is_alive():
            self.join(5.0)
        self._try(self._take)
        if self._tracing is not None:
            self._tracing.close()

    def raise_alert(self, alert: Alert) -> None:
        """Keep an alert of another part of the server."""
        self.monitor.raise_alert(alert)

    def _try(self, work: object) -> None:
        assert callable(work)
        try:
            work()
        except (KnowHowError, OSError, ValueError) as error:
            self._note_problem(error)
        else:
            self.problem = ""

    def _note_problem(self, error: Exception) -> None:
        if str(error) != self.problem:
            logger.error("monitoring: %s", error)
        self.problem = str(error)


def settle(assignment: Assignment, answer: Answer) -> Assignment:
    """Return what an answer counts for: nothing where the champion had to step in for the challenger."""
    has_stepped_in = assignment.arm == CHALLENGER_ARM and answer.release != assignment.release
    return UNASSIGNED if has_stepped_in else assignment
