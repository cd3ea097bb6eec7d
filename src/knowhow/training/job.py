"""A training job as files: what the parent process asks for, and how a failure of the child comes back as the same error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow import errors
from knowhow.errors import BackendError, KnowHowError
from knowhow.storage import is_disk_full, read_json, write_json


@dataclass(frozen=True)
class Job:
    """One adapter to train: rows file, base model directory, options and seed; `work` holds checkpoints, `out` the result."""

    rows: Path
    base: Path
    base_name: str
    out: Path
    work: Path
    options: Mapping[str, Any]
    seed: int
    request: str = ""
    """Digest of everything asked for; the result carries it, so that asking for the same again costs nothing."""

    def write(self) -> Path:
        """Write the job file and return its path."""
        path = self.work / "job.json"
        values = {name: str(getattr(self, name)) for name in ("rows", "base", "base_name", "out", "work")}
        write_json(
            path, {**values, "options": dict(self.options), "seed": self.seed, "request": self.request}
        )
        return path


def read_job(path: Path) -> Job:
    """Read a job file."""
    value = read_json(path)
    rows, base, out, work = (Path(value[name]) for name in ("rows", "base", "out", "work"))
    return Job(rows, base, value["base_name"], out, work, value["options"], value["seed"], value["request"])


def run_job(module: str, path: Path, threads: int) -> None:
    """Run `python -m module path` with a fixed number of threads and raise what it reported; its progress goes to stderr."""
    failure = path.with_name("failure.json")
    failure.unlink(missing_ok=True)
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), **_ENVIRONMENT}
    code = _run([sys.executable, "-m", module, str(path)], environment)
    if code == 0:
        return
    if failure.exists():
        value = read_json(failure)
        raise _rebuild(value["error"], value["message"])
    if code < 0:
        raise BackendError(
            f"Training was stopped by signal {-code}, perhaps for want of memory. Start it again: it goes on from the last "
            "checkpoint. Lower [training] batch_tokens if it happens again.",
            engine="training",
            retryable=True,
        )
    raise BackendError(f"Training ended with exit code {code}; its own words stand above.", engine="training")


def follow_parent() -> None:
    """End this process as soon as the one that started it is gone, so that no training goes on unseen and twice."""
    if os.environ.get("KNOWHOW_CHILD") != "1":
        return

    def wait() -> None:
        # Not through sys.stdin: a thread that holds its lock makes the interpreter abort at its end.
        os.read(0, 1)
        os._exit(143)

    threading.Thread(target=wait, daemon=True).start()


def report_failure(path: Path, error: Exception) -> None:
    """Leave an error for the parent process beside the job file, where the disk still allows it."""
    try:
        write_json(path.with_name("failure.json"), {"error": type(error).__name__, "message": str(error)})
    except OSError:
        print(f"error: {error}", file=sys.stderr)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk into one clear sentence."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise BackendError(
            f"The disk is full, so training could not write to {folder}. Free some space and start again: nothing that was "
            "written before is lost."
        ) from error


def discard(folder: Path) -> None:
    """Delete a work folder."""
    shutil.rmtree(folder, ignore_errors=True)


def default_threads() -> int:
    """Return the number of cores this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)


_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ENVIRONMENT: Mapping[str, str] = {
    # Threads that wait by spinning starve each other as soon as another process wants the cores (measured: 20 times slower).
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONWARNINGS": "ignore::FutureWarning",
    "TOKENIZERS_PARALLELISM": "false",
    "KNOWHOW_CHILD": "1",
}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    # The pipe closes when this process ends, however it ends: then the child ends too, see `follow_parent`.
    process = subprocess.Popen(command, env=dict(environment), stdin=subprocess.PIPE)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _rebuild(name: str, message: str) -> KnowHowError:
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, KnowHowError)):
        kind = BackendError
    return kind(message)
