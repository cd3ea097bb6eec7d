"""Rows are checked against the model's window by its own vocabulary, and the model is neither fetched nor loaded for it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from knowhow.config import load_settings
from knowhow.testing.tiny_model import write_tiny_gguf
from knowhow.workspace import Workspace
from knowhow.workspace.windows import find_window


def make(root: Path, generator: str, answer: str = "Yes.") -> Path:
    (root / "knowhow.toml").write_text(f"[generator]\n{generator}\n")
    rows = [{"question": f"Is rule {place} in force?", "answer": f"Yes, rule {place}."} for place in range(9)]
    rows.append({"question": "Which rule is longest?", "answer": answer})
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def too_long(root: Path) -> list[tuple[str, tuple[int, ...], str]]:
    with Workspace(root) as workspace:
        found = workspace.check_examples().findings
    return [(item.severity, item.lines, item.mend) for item in found if item.kind == "too_long"]


def test_a_model_file_counts_by_its_vocabulary_and_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_gguf(tmp_path / "tiny.gguf")
    # An engine would be imported to load a model.
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    options = f"name = 'llama_cpp'\nmodel = '{model}'\nwindow_tokens = 256"
    window = find_window(load_settings(make(tmp_path, options)))
    assert window.tokens == 256
    assert window.count is not None
    assert window.count(["", "one two three"])[0] == 0
    assert too_long(make(tmp_path, options)) == []
    findings = too_long(make(tmp_path, options, answer="word " * 400))
    assert [(severity, lines) for severity, lines, _ in findings] == [("error", (10,))]


def test_without_the_model_in_the_cache_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWHOW_CACHE", str(tmp_path / "cache"))
    (severity, lines, mend) = too_long(make(tmp_path, "name = 'llama_cpp'", answer="word " * 9000))[0]
    assert (severity, lines) == ("notice", ())
    assert "knowhow models get" in mend
    assert not (tmp_path / "cache").exists()


def test_an_endpoint_estimates_and_is_not_contacted(tmp_path: Path) -> None:
    options = "name = 'openai'\nmodel = 'm'\nbase_url = 'http://127.0.0.1:9/v1'\nwindow_tokens = 1000"
    assert too_long(make(tmp_path, options, answer="word " * 300)) == []
    assert too_long(make(tmp_path, options, answer="word " * 2000))[0][:2] == ("error", (10,))
