"""Training that cannot be done: one clear line, the right exit code, and nothing that was there before is lost."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.training.conftest import write_tiny_model

import knowhow.testing.fakes  # noqa: F401 - registers the fake parts
from knowhow.cli import main
from knowhow.storage import digest_file
from knowhow.training import checkpoints

ROWS = [
    {"question": f"What opens door {n * 7919} of hall {n}?", "answer": f"key {n * 31}"} for n in range(40)
]


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = write_tiny_model(tmp_path_factory.mktemp("tiny"))
    return folder


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the training process inside this one: the same module, the same files."""

    def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
        code: int = importlib.import_module(command[2]).main(Path(command[3]))
        return code

    monkeypatch.setattr("knowhow.training.job._run", run)


def make_workspace(root: Path, base: Path, rows: Sequence[Any] = ROWS, training: str = "") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "knowhow.toml").write_text(
        '[embedder]\nname = "fake"\n[generator]\nname = "fake"\n[prompt]\ninstructions = "Answer."\n'
        f'[training]\nbase_model = "{base}"\nthreads = 1\nepochs = 2.0\nrank = 4\nprecision = "fp32"\n{training}'
    )
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def train(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return exit code and the last line of what was said; nobody must have seen a traceback."""
    capsys.readouterr()
    code = main(["train", "finetuned", "-C", str(root), "-q"])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(lines) == (code != 0), said
    return code, lines[0] if lines else ""


def adapters(root: Path) -> list[Path]:
    return sorted((root / ".knowhow").rglob("adapter_model.safetensors"))


def test_three_examples_are_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = train(make_workspace(tmp_path, tmp_path, ROWS[:3]), capsys)
    assert code == 2
    assert "training needs at least 8" in line
    assert "rag, few_shot" in line
    assert not adapters(tmp_path)


def test_an_empty_file_of_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = train(make_workspace(tmp_path, tmp_path, []), capsys)
    assert code == 2
    assert "examples.jsonl" in line


def test_no_file_of_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_workspace(tmp_path, tmp_path)
    (root / "examples.jsonl").unlink()
    code, line = train(root, capsys)
    assert code == 2
    assert "examples.jsonl" in line


def test_rows_longer_than_the_window_are_named_not_cut(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], in_process: None
) -> None:
    rows = [*ROWS, *({"question": f"Tell story {n}.", "answer": "so " * 300} for n in range(8))]
    root = make_workspace(tmp_path, tiny_model, rows, "window_tokens = 400\n")
    code, line = train(root, capsys)
    assert code == 2
    assert "longer than the window of 400 tokens" in line
    assert "window_tokens" in line
    assert not adapters(root)


def test_without_the_extra_the_line_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "knowhow.training.trainers.lora.importlib.util.find_spec",
        lambda name, *rest: None if name == "peft" else found(name, *rest),
    )
    code, line = train(make_workspace(tmp_path, tmp_path), capsys)
    assert code == 2
    assert "pip install 'knowhow-ai[train]'" in line


def test_a_base_model_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = train(make_workspace(tmp_path / "bot", tmp_path / "nowhere"), capsys)
    assert code == 2
    assert "[training] base_model" in line


def test_a_full_disk_loses_nothing(
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    in_process: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = make_workspace(tmp_path / "plain", tiny_model, training="checkpoint_seconds = 0.0\n")
    assert train(plain, capsys) == (0, "")
    root = make_workspace(tmp_path / "bot", tiny_model, training="checkpoint_seconds = 0.0\n")
    write, seen = checkpoints.write_bytes, []

    def fill(path: Path, data: bytes) -> None:
        seen.append(path)
        if len(seen) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(checkpoints, "write_bytes", fill)
    code, line = train(root, capsys)
    assert code == 4
    assert "disk is full" in line
    assert not adapters(root)
    assert sorted(path.name for path in (root / ".knowhow").rglob("checkpoint-*")) == [
        "checkpoint-00000002.safetensors",
        "checkpoint-00000003.safetensors",
    ]
    assert train(root, capsys) == (0, "")
    assert [digest_file(path) for path in adapters(root)] == [digest_file(path) for path in adapters(plain)]
    # Resumed, not begun anew: three checkpoints before, one that failed, then one for each step that was left.
    assert [path.name for path in seen[4:5]] == ["checkpoint-00000004.safetensors"]


def test_a_disk_that_fills_outside_of_training_is_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("knowhow.training.fitting.write_rows", fill)
    code, line = train(make_workspace(tmp_path, tmp_path), capsys)
    assert code == 4
    assert "No space left on device" in line or "The disk is full" in line
    assert "run the same command again" in line or "run the command again" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("mounting a small file system needs the rights to do so")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_real_full_disk_under_a_real_training_process(
    tiny_model: Path, tmp_path: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = "checkpoint_seconds = 0.0\n"
    plain = make_workspace(tmp_path / "plain", tiny_model, training=slow)
    assert train(plain, capsys) == (0, "")
    root = make_workspace(small_disk / "bot", tiny_model, training=slow)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (2 * 2**20 - 120 * 1024))
    capsys.readouterr()
    assert main(["train", "finetuned", "-C", str(root), "-q"]) == 4
    assert not adapters(root)
    ballast.unlink()
    assert main(["train", "finetuned", "-C", str(root), "-q"]) == 0
    assert [digest_file(path) for path in adapters(root)] == [digest_file(path) for path in adapters(plain)]
