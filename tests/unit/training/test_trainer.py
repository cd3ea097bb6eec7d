"""The trainer as a process of its own: adapters, manifests, clear errors, and kills at random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from knowhow.errors import BackendError, ConfigError, DataError, MissingDependencyError
from knowhow.storage import digest_file
from knowhow.training.adapters import WEIGHTS, read_manifest, write_manifest
from knowhow.training.rows import TrainingRow, write_rows
from knowhow.training.trainers.lora import LoraTrainer

OPTIONS = {"rank": 4, "epochs": 2.0, "batch_examples": 4, "threads": 1, "precision": "fp32"}


class Trained(Exception):
    """Says that a training process would have been started."""


def refuse(module, path, threads):
    raise Trained


def test_a_trained_adapter_is_a_peft_directory_with_manifest(
    tiny_model, conversations, tmp_path, monkeypatch
):
    out = tmp_path / "adapter"
    trainer = LoraTrainer(base_model=str(tiny_model), **OPTIONS)
    trainer.train(conversations, out, seed=3)
    assert not (tmp_path / "adapter.work").exists()
    monkeypatch.setattr("knowhow.training.trainers.lora.run_job", refuse)
    trainer.train(conversations, out, seed=3)
    for other, seed in ((trainer, 4), (LoraTrainer(base_model=str(tiny_model), **{**OPTIONS, "rank": 8}), 3)):
        with pytest.raises(Trained):
            other.train(conversations, out, seed=seed)
    rows = [
        TrainingRow("raft", conversation, (f"e{n}",), ("d1", f"d{n}"), frozenset({frozenset({"staff"})}))
        for n, conversation in enumerate(conversations)
    ]
    manifest = write_manifest(out, "raft", rows)
    assert read_manifest(out) == manifest
    assert manifest["examples"] == sorted(f"e{n}" for n in range(24))
    assert len(manifest["documents"]) == 24
    assert manifest["groups"] == [["staff"]]
    assert manifest["seed"] == 3
    assert str(tmp_path) not in "".join(path.read_text(errors="ignore") for path in out.iterdir())

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    ids = torch.tensor([[1, 2, 3]])
    plain = base(input_ids=ids).logits.detach()
    tuned = PeftModel.from_pretrained(base, out)(input_ids=ids).logits
    assert not torch.allclose(plain, tuned)

    (out / WEIGHTS).write_bytes((out / WEIGHTS).read_bytes() + b"x")
    with pytest.raises(DataError, match="other weights than its manifest"):
        read_manifest(out)


def test_too_few_rows_and_too_long_rows_give_one_line_and_no_adapter(tiny_model, conversations, tmp_path):
    from knowhow.training.job import Job
    from knowhow.training.lora import train

    few = tmp_path / "few.jsonl"
    write_rows(few, [TrainingRow("sft", conversation) for conversation in conversations[:3]])
    with pytest.raises(DataError, match="holds 3 rows; training needs at least 8"):
        train(Job(few, tiny_model, "tiny", tmp_path / "few", tmp_path / "work", OPTIONS, 0))
    trainer = LoraTrainer(base_model=str(tiny_model), window_tokens=50, **OPTIONS)
    with pytest.raises(DataError, match="longer than the window of 50 tokens"):
        trainer.train(conversations, tmp_path / "long")
    assert not (tmp_path / "few").exists()
    assert not (tmp_path / "long").exists()


def test_an_unknown_base_model_and_a_missing_library_are_named(tmp_path, conversations, monkeypatch):
    with pytest.raises(ConfigError, match="'no-such-model' is neither"):
        LoraTrainer(base_model="no-such-model").train(conversations, tmp_path / "a")
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'knowhow-ai\[train\]'"):
        LoraTrainer().train(conversations, tmp_path / "a")


def test_a_full_disk_gives_one_line(tmp_path):
    import errno

    from knowhow.training.job import disk_errors

    with pytest.raises(BackendError, match="The disk is full"), disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), disk_errors(tmp_path):
        raise PermissionError(errno.EACCES, "denied")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank must be greater than 0"),
        ({"layers": 1.5}, "layers must lie between 0 and 1"),
        ({"epochs": -1.0}, "epochs must not be negative"),
    ],
)
def test_options_that_cannot_train_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        LoraTrainer(**options)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_twenty_kills_at_random_moments_end_in_the_same_adapter(tiny_model, conversations, tmp_path):
    script = (
        "import json, sys; from pathlib import Path; from knowhow.training.trainers.lora import LoraTrainer;"
        "from knowhow.training.rows import read_rows;"
        "LoraTrainer(**json.loads(sys.argv[1])).train([row.conversation for row in read_rows(Path(sys.argv[2]))], Path(sys.argv[3]))"
    )
    rows = tmp_path / "rows.jsonl"
    write_rows(rows, (TrainingRow("sft", conversation) for conversation in conversations))
    options = {
        **OPTIONS,
        "epochs": 60.0,
        "patience": 60,
        "checkpoint_seconds": 0.0,
        "base_model": str(tiny_model),
    }

    def start(out):
        command = [sys.executable, "-c", script, json.dumps(options), str(rows), str(out)]
        return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)

    begun = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    seconds = time.monotonic() - begun
    expected = digest_file(tmp_path / "whole" / WEIGHTS)
    chance, kills = random.Random(1), 0
    out = tmp_path / "killed"
    digests = []
    while kills < 20:
        process = start(out)
        try:
            process.wait(timeout=chance.uniform(0.3, 1.1) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0
        digests.append(digest_file(out / WEIGHTS))
        for path in out.iterdir():
            path.unlink()
        out.rmdir()
    assert start(out).wait() == 0
    digests.append(digest_file(out / WEIGHTS))
    assert set(digests) == {expected}


def test_a_training_process_ends_with_the_process_that_started_it():
    child = "from knowhow.training.job import follow_parent; import time; follow_parent(); print('up', flush=True); time.sleep(120)"
    parent = (
        "import os, sys; from knowhow.training import job;"
        f"job._run([sys.executable, '-c', {child!r}], {{**os.environ, 'KNOWHOW_CHILD': '1'}})"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.kill()
    process.wait()
    # The child holds the other end of this pipe: it reads empty only when the child is gone.
    assert process.stdout.read() == ""
