"""Long work in processes of its own: a comparison or a training, with its state on disk, so that reloads and restarts find it again."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow.advisor.text import say
from knowhow.config import Settings
from knowhow.errors import PolicyError
from knowhow.progress import WATCHED
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.storage import locked, read_json, read_lines, write_json

WAITING, RUNNING, DONE, FAILED, STOPPED, INTERRUPTED = (
    "waiting",
    "running",
    "done",
    "failed",
    "stopped",
    "interrupted",
)
LIVE = frozenset({WAITING, RUNNING})
_NAME = re.compile(r"[0-9]{14}-[0-9a-f]{6}")
_START_SECONDS = 60.0
_KEPT = 40
ORDER, STATE, LOCK, PROGRESS, LOG = "order.json", "state.json", "alive.lock", "progress.jsonl", "log.txt"
REHEARSAL = "rehearsal.jsonl"


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of long work: what was asked for by whom, where it stands, and what came of it."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    by: str
    started: float
    state: str
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    ended: float = 0.0

    @property
    def is_live(self) -> bool:
        """Say whether it still works or waits to begin."""
        return self.state in LIVE


class TaskStore:
    """The tasks of a workspace, newest first; one runs at a time, because a machine has one processor to give."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.root.resolve()
        self.folder = settings.state / "tasks"

    def start(self, kind: str, arguments: Mapping[str, Any], by: str) -> Task:
        """Begin work in a process that outlives this server; RequestError 409 while other work runs."""
        with locked(self.folder / ".lock", purpose="starting a task", wait_seconds=10.0):
            self.refuse_if_busy()
            self._forget_oldest()
            name = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
            folder = self.folder / name
            order = {"kind": kind, "arguments": dict(arguments), "by": by, "started": time.time()}
            write_json(folder / ORDER, {**order, "root": str(self._root)})
            write_json(folder / STATE, {"state": WAITING})
            self._spawn(folder)
        return self.get(name)

    def refuse_if_busy(self) -> None:
        """Raise RequestError 409 while other work runs."""
        if any(task.is_live for task in self.tasks()):
            words = say("Another long task is running. Wait for it, or stop it first.")
            raise RequestError(409, words, code="busy")

    def get(self, name: str) -> Task:
        """Return one task; 404 where there is none."""
        folder = self.folder / name
        if not _NAME.fullmatch(name) or not (folder / ORDER).is_file():
            raise UNKNOWN
        order, state = read_json(folder / ORDER), read_json(folder / STATE)
        now = state["state"]
        is_late = now == WAITING and time.time() - order["started"] > _START_SECONDS
        if (now == RUNNING or is_late) and not _is_alive(folder):
            # It may have ended between the two looks.
            state = read_json(folder / STATE)
            now = INTERRUPTED if state["state"] in LIVE else state["state"]
        return Task(
            name,
            order["kind"],
            order["arguments"],
            order["by"],
            order["started"],
            now,
            state.get("message", ""),
            state.get("result", {}),
            state.get("ended", 0.0),
        )

    def tasks(self, kind: str = "") -> list[Task]:
        """Return all tasks, or those of one kind, newest first."""
        if not self.folder.is_dir():
            return []
        names = sorted(
            (path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True
        )
        found = [self.get(name) for name in names if (self.folder / name / ORDER).is_file()]
        return [task for task in found if not kind or task.kind == kind]

    def progress(self, name: str, skip: int = 0) -> list[dict[str, Any]]:
        """Return the steps that a task reported, oldest first, without the first `skip`."""
        return list(read_lines(self.folder / self.get(name).id / PROGRESS))[skip:]

    def rehearsal(self, name: str) -> list[dict[str, Any]]:
        """Return the questions that a training answered before and after."""
        return list(read_lines(self.folder / self.get(name).id / REHEARSAL))

    def stop(self, name: str) -> Task:
        """End a running task with all its processes; what it had finished is kept, and the same work goes on from there."""
        task, folder = self.get(name), self.folder / name
        if task.is_live:
            process = read_json(folder / STATE).get("process")
            # A process that has not begun yet finds this and leaves.
            write_json(folder / STATE, {"state": STOPPED, "ended": time.time()})
            if process and _is_alive(folder):
                os.killpg(process, signal.SIGTERM)
        return self.get(name)

    def _spawn(self, folder: Path) -> None:
        environment = {**os.environ, WATCHED: str((folder / PROGRESS).resolve())}
        command = [sys.executable, "-m", "knowhow.serving.task_process", str(folder.resolve())]
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )  # fmt: skip
        threading.Thread(target=process.wait, name="knowhow-task", daemon=True).start()

    def _forget_oldest(self) -> None:
        for task in self.tasks()[_KEPT:]:
            shutil.rmtree(self.folder / task.id, ignore_errors=True)


def _is_alive(folder: Path) -> bool:
    """Say whether the process of a task lives: it holds a lock that the system takes back however it ends."""
    try:
        with locked(folder / LOCK, purpose="a task"):
            return False
    except PolicyError:
        return True
