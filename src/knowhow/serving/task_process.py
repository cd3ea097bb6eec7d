"""The process of one task: `python -m knowhow.serving.task_process FOLDER` does the work and keeps its end in the folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from knowhow.errors import KnowHowError
from knowhow.serving.tasks import DONE, FAILED, LOCK, ORDER, REHEARSAL, RUNNING, STATE, STOPPED
from knowhow.storage import append_lines, locked, read_json, write_json
from knowhow.workspace import Workspace

_POLITENESS = 5
"""Answers come first: whoever asks now must not wait for a comparison."""

Work = Callable[[Workspace, Mapping[str, Any], Path], dict[str, Any]]
"""(workspace, arguments, the task's folder) -> what came of it."""


def compare(workspace: Workspace, arguments: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Measure the chosen strategies; the result names the run."""
    from knowhow.workspace.comparison import ComparisonOptions

    options = ComparisonOptions(
        strategies=tuple(arguments["strategies"]),
        budget_seconds=arguments["budget_seconds"] or None,
        limit=arguments["limit"],
    )
    report, _ = workspace.compare(options)
    return {"run": report.id}


def train(workspace: Workspace, arguments: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Train a strategy and answer ten held-out questions before and after."""
    from knowhow.workspace.rehearsal import rehearse

    workspace.train(arguments["strategy"])
    rehearsal = rehearse(workspace, arguments["strategy"])
    # As lines, because a purge takes out the lines that quote a document.
    append_lines(folder / REHEARSAL, rehearsal.pop("questions"))
    return {"strategy": arguments["strategy"], **rehearsal}


def purge(workspace: Workspace, arguments: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Delete documents for good, files included, or finish a purge that was interrupted; the result names the receipt."""
    if arguments["resumes"]:
        receipt = workspace.resume_purge()
    else:
        # The order names what is to be deleted, so it goes first: nothing may name it afterwards.
        order = read_json(folder / ORDER)
        write_json(folder / ORDER, {**order, "arguments": {**arguments, "documents": []}})
        receipt = workspace.purge(
            arguments["documents"], by=arguments["by"], reason=arguments["reason"], with_sources=True
        )
    return {"receipt": receipt.id, "is_clean": receipt.is_clean}


WORK: Mapping[str, Work] = {"compare": compare, "train": train, "purge": purge}


def run(folder: Path) -> int:
    """Do the work of a task folder and return the exit code; the end stands in the folder whatever it is."""
    order = read_json(folder / ORDER)
    with locked(folder / LOCK, purpose="a task", wait_seconds=10.0):
        if read_json(folder / STATE)["state"] == STOPPED:
            return 0
        write_json(folder / STATE, {"state": RUNNING, "process": os.getpid()})
        try:
            with Workspace(order["root"]) as workspace:
                result = WORK[order["kind"]](workspace, order["arguments"], folder)
        except KnowHowError as error:
            message = str(error).replace(f"{order['root']}/", "")
            _end(folder, FAILED, message=message)
            return error.exit_code
        except BaseException:
            _end(folder, FAILED, message="The work failed. Its log in the workspace says why.")
            raise
        _end(folder, DONE, result=result)
    return 0


def _end(folder: Path, state: str, **more: Any) -> None:
    if read_json(folder / STATE)["state"] != STOPPED:
        write_json(folder / STATE, {"state": state, "ended": time.time(), **more})


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    os.nice(_POLITENESS)
    sys.exit(run(Path(sys.argv[1])))
