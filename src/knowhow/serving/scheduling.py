"""The schedule inside a server: a thread with parts of its own, so that no question waits for an ingest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from knowhow.errors import KnowHowError
from knowhow.monitoring.alerts import Alert
from knowhow.types import IngestResult
from knowhow.workspace import Workspace
from knowhow.workspace.schedule import Done, check_schedule, follow_schedule

logger = logging.getLogger("knowhow.serving")


class Scheduler(threading.Thread):
    """Ingests when [schedule] says so; a failure is an alert."""

    def __init__(self, workspace: Workspace, raise_alert: Callable[[Alert], None]) -> None:
        super().__init__(name="knowhow-schedule", daemon=True)
        self._source, self._raise_alert = workspace, raise_alert
        self._has_ended = threading.Event()
        check_schedule(workspace.settings)

    def run(self) -> None:
        """Follow the schedule until told to stop; without one there is nothing to do."""
        if not self._source.settings.schedule.ingest:
            return
        try:
            follow_schedule(self._source.settings, self._ingest, self._has_ended, self._tell)
        except (KnowHowError, OSError) as error:
            logger.error("the schedule ended: %s", error)
            self._raise_alert(Alert("schedule", "ingest", f"The schedule ended: {error}"))

    def stop(self) -> None:
        """Begin nothing more."""
        self._has_ended.set()

    def _ingest(self) -> IngestResult:
        with Workspace(self._source.root, self._source.settings) as own:
            return own.ingest()

    def _tell(self, done: Done) -> None:
        if done.state == "failed":
            self._raise_alert(
                Alert("schedule", "ingest", f"The ingest that was due {done.due} failed: {done.text}")
            )
