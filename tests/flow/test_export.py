"""knowhow export on the real engines with a tiny model: every form loads where it is meant to and answers as it does here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder
from knowhow.cli import main
from knowhow.models.gguf_file import read_header
from knowhow.models.huggingface import convert_to_huggingface
from knowhow.testing.tiny_model import write_tiny_gguf

for _name in ("torch", "peft", "xllamacpp"):
    pytest.importorskip(_name, reason="exporting needs: pip install 'knowhow-ai[train]'")

ROWS = [{"question": f"What opens door {n * 7919}?", "answer": f"key {n * 31}"} for n in range(40)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose `finetuned` was trained on the tiny model that answers in it."""
    root = tmp_path_factory.mktemp("bot")
    gguf = write_tiny_gguf(root / "tiny.gguf")
    convert_to_huggingface(gguf, root / "tiny")
    (root / "knowhow.toml").write_text(
        f'[embedder]\nname = "fake"\n[generator]\nname = "llama_cpp"\nmodel = "{gguf}"\nwindow_tokens = 512\nthreads = 1\n'
        f'[prompt]\ninstructions = "Answer."\n[training]\nbase_model = "{root / "tiny"}"\nthreads = 1\nepochs = 6.0\n'
        'rank = 4\nlearning_rate = 1e-2\nprecision = "fp32"\n'
    )
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
        code: int = importlib.import_module(command[2]).main(Path(command[3]))
        return code

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knowhow.training.job._run", run)
        assert main(["train", "finetuned", "-C", str(root), "-q"]) == 0
    return root


@pytest.mark.parametrize(
    ("form", "name", "least"),
    [
        ("gguf", "merged.gguf", 0.9),
        ("lora-gguf", "lora.gguf", 1.0),
        ("huggingface", "merged", 0.9),
        ("peft", "adapter", 0.9),
    ],
)
def test_every_form_answers_as_the_workspace_does(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, name: str, least: float
) -> None:
    target = tmp_path / name
    order = [
        "export",
        "finetuned",
        str(target),
        "--as",
        form,
        "--check",
        "8",
        "-C",
        str(trained),
        "-q",
        "--json",
    ]
    capsys.readouterr()
    assert main([*order, "--least", str(least)]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["form"] == form
    assert made["parity"]["total"] == 8
    assert made["parity"]["same"] >= least * 8
    if form == "gguf":
        assert read_header(target).metadata["tokenizer.chat_template"]
        assert (tmp_path / "merged.manifest.json").is_file()
    if form == "huggingface":
        assert json.loads((target / "config.json").read_text())["model_type"] == "llama"
    assert main(order) == 2
    assert "exists already" in capsys.readouterr().err


def test_parity_under_the_least_share_is_a_gate(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from knowhow.workspace import export

    def forget(adapter: Path, base: Path, target: Path, kind: str) -> None:
        write_tiny_gguf(target, seed=5)

    monkeypatch.setattr(export, "merge_gguf", forget)
    order = ["export", "finetuned", str(tmp_path / "other.gguf"), "--check", "4", "-C", str(trained), "-q"]
    assert main([*order, "--least", "0.9"]) == 3
    captured = capsys.readouterr()
    assert "0 of 4 prompts were answered alike" in captured.err
    assert "here:" in captured.out


@pytest.mark.parametrize(
    ("strategy", "said"), [("rag", "trains no adapter"), ("raft", "was not trained yet")]
)
def test_only_what_was_trained_can_be_exported(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], strategy: str, said: str
) -> None:
    assert main(["export", strategy, str(tmp_path / "x.gguf"), "-C", str(trained)]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x.gguf").exists()
