"""Ingest beside the answering: one at a time, with parts of its own, so that no question waits for it."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowhow.advisor.text import say
from knowhow.errors import DataError, KnowHowError, PolicyError
from knowhow.releases.release import check_path
from knowhow.serving.failures import RequestError, translate
from knowhow.storage import write_bytes
from knowhow.workspace import Workspace


class Ingestion:
    """Starts an ingest in a thread and tells how it went."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._outcome: dict[str, Any] = {}

    def start(self) -> None:
        """Begin an ingest; 409 while one runs."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise RequestError(409, say("An ingest is running already."), code="busy")
            self._outcome = {"state": "running"}
            self._thread = threading.Thread(target=self._run, name="knowhow-ingest", daemon=True)
            self._thread.start()

    def outcome(self) -> dict[str, Any]:
        """Return state (none, running, done, failed) and what the last ingest did."""
        return dict(self._outcome) or {"state": "none"}

    def save(self, path: str, data: bytes) -> Path:
        """Write an uploaded document into the documents folder; PolicyError for a path that could leave it or is hidden."""
        try:
            check_path(path, "upload")
        except DataError:
            raise PolicyError("The path of a document must be plain names separated by '/'.") from None
        if any(part.startswith(".") for part in path.split("/")):
            raise PolicyError("The names of documents may not begin with a dot.")
        folder = (self._workspace.root / self._workspace.settings.documents.path).resolve()
        target = (folder / path).resolve()
        if folder not in target.parents:
            raise PolicyError("The path leaves the documents folder.")
        write_bytes(target, data)
        return target

    def _run(self) -> None:
        try:
            with Workspace(self._workspace.root, self._workspace.settings) as own:
                result = own.ingest()
        except KnowHowError as error:
            self._outcome = {"state": "failed", "message": translate(error, self._workspace.root).message}
        except BaseException:
            self._outcome = {"state": "failed", "message": "The ingest failed. The server's log says why."}
            raise
        else:
            self._outcome = {"state": "done", "result": asdict(result)}
