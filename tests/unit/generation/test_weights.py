"""What the `model` option names: checked before an engine sees it, identified by content."""

import json
from pathlib import Path

import numpy as np
import pytest

from knowhow import models
from knowhow.errors import ConfigError, DataError, NotFoundError
from knowhow.generation.weights import find_adapter, find_directory, find_gguf, fingerprint, identify
from knowhow.models.gguf_file import read_header
from knowhow.models.tensors import write_tensors
from knowhow.testing.tiny_model import write_tiny_gguf


def test_files_that_are_no_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="which is no GGUF file"):
        find_gguf(str(tmp_path / "none.gguf"))
    (tmp_path / "text.gguf").write_text("not a model")
    with pytest.raises(DataError, match="does not begin with GGUF"):
        find_gguf(str(tmp_path / "text.gguf"))
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    assert find_gguf(str(path)) == path


def test_directories_need_a_configuration_and_safetensors(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no config\.json"):
        find_directory(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(ConfigError, match="can run code when loaded"):
        find_directory(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(DataError, match="safetensors"):
        find_directory(str(tmp_path))
    write_tensors(tmp_path / "model.safetensors", {"x": np.zeros(2, np.float32)})
    assert find_directory(str(tmp_path)) == tmp_path


def test_identity_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    first, second = write_tiny_gguf(tmp_path / "tiny.gguf"), tmp_path / "copy" / "tiny.gguf"
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    assert fingerprint(first) == fingerprint(second) == identify(str(first), first)
    assert fingerprint(write_tiny_gguf(tmp_path / "copy" / "tiny.gguf", seed=1)) != fingerprint(first)
    embedded = identify("", Path("/one/q8_0-1.gguf"))
    assert embedded == identify(models.SMOLLM2.name, Path("/other/q8_0-1.gguf"))
    assert embedded != identify("", Path("/one/q8_0-2.gguf"))


def test_adapters_are_converted_once_per_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOWHOW_CACHE", str(tmp_path / "cache"))
    base = read_header(write_tiny_gguf(tmp_path / "tiny.gguf"))
    with pytest.raises(NotFoundError, match="no adapter at"):
        find_adapter(tmp_path / "absent", base)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    name = "base_model.model.model.layers.0.mlp.up_proj"
    shapes = {"A": (2, 64), "B": (128, 2)}
    write_tensors(
        adapter / "adapter_model.safetensors",
        {f"{name}.lora_{side}.weight": np.ones(shape, np.float32) for side, shape in shapes.items()},
    )
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))
    converted = find_adapter(adapter, base)
    assert find_adapter(adapter, base) == converted
    assert find_adapter(converted, base) == converted
    assert read_header(converted).metadata["adapter.type"] == "lora"
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))
    assert find_adapter(adapter, base) != converted
