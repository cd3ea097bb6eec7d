"""GGUF and safetensors files: round trips, and headers that lie are refused before anything is loaded."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowhow.errors import ConfigError, DataError
from knowhow.models.gguf_file import read_header, read_tensor
from knowhow.models.huggingface import convert_to_huggingface, permute
from knowhow.models.lora import convert_lora
from knowhow.models.quantisation import requantise
from knowhow.models.tensors import check_tensors, read_tensors, write_tensors
from knowhow.models.tokenizer import build_tokenizer, supports
from knowhow.testing.tiny_model import CONTROL, write_tiny_gguf


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")


def test_gguf_header_agrees_with_the_reference_reader(gguf: Path) -> None:
    from gguf import GGUFReader

    header, reference = read_header(gguf), GGUFReader(str(gguf))
    for key, field in reference.fields.items():
        if not key.startswith("GGUF."):
            assert header.metadata[key] == field.contents()
    for entry, tensor in zip(header.tensors, reference.tensors, strict=True):
        assert (entry.name, list(entry.shape)) == (tensor.name, list(tensor.shape))
        assert np.array_equal(read_tensor(header, entry), tensor.data)


@pytest.mark.parametrize("keep", [0, 3, 4, 8, 23, 24, 100, 3000])
def test_gguf_that_ends_early_is_refused(gguf: Path, tmp_path: Path, keep: int) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(gguf.read_bytes()[:keep])
    with pytest.raises(DataError, match="not a sound GGUF file"):
        read_header(broken)


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (0, b"GGML", "does not begin with GGUF"),
        (4, struct.pack("<I", 1), "version 1"),
        (8, struct.pack("<Q", 1 << 60), "claims"),
        (16, struct.pack("<Q", 1 << 60), "claims"),
        (24, struct.pack("<Q", 1 << 62), "ends in the middle"),
    ],
)
def test_gguf_that_lies_is_refused(
    gguf: Path, tmp_path: Path, offset: int, value: bytes, reason: str
) -> None:
    data = bytearray(gguf.read_bytes())
    data[offset : offset + len(value)] = value
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(data)
    with pytest.raises(DataError, match=reason):
        read_header(broken)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5000), value=st.integers(0, 255))
def test_no_flipped_byte_escapes_as_another_error(gguf: Path, tmp_path: Path, place: int, value: int) -> None:
    data = bytearray(gguf.read_bytes())
    data[place] = value
    broken = tmp_path / "flipped.gguf"
    broken.write_bytes(data)
    try:
        header = read_header(broken)
    except DataError:
        return
    assert all(entry.offset + entry.bytes <= len(data) for entry in header.tensors)


def test_absent_gguf_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_header(tmp_path / "none.gguf")


def test_q8_keeps_every_weight_within_half_a_step(gguf: Path, tmp_path: Path) -> None:
    requantise(gguf, tmp_path / "q8.gguf", "q8_0")
    before, after = read_header(gguf), read_header(tmp_path / "q8.gguf")
    for left, right in zip(before.tensors, after.tensors, strict=True):
        original, kept = read_tensor(before, left), read_tensor(after, right)
        blocks = np.abs(original).reshape(-1, 32).max(axis=1, keepdims=True)
        # One scale per block of 32, its largest weight over 127: half a step of rounding, and 127 / 2048 of one because
        # the scale is kept in float16.
        assert np.all(np.abs(original - kept).reshape(-1, 32) <= blocks / 127 * 0.5625 + 1e-6)


def test_huggingface_directory_has_the_weights_and_the_configuration(gguf: Path, tmp_path: Path) -> None:
    convert_to_huggingface(gguf, tmp_path / "hf")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert (config["num_hidden_layers"], config["num_key_value_heads"], config["tie_word_embeddings"]) == (
        2,
        1,
        True,
    )
    tensors = read_tensors(tmp_path / "hf" / "model.safetensors")
    header = read_header(gguf)
    names = {entry.name: entry for entry in header.tensors}
    query = read_tensor(header, names["blk.1.attn_q.weight"]).astype(np.float16)
    assert np.array_equal(permute(tensors["model.layers.1.self_attn.q_proj.weight"], 2), query)
    value = read_tensor(header, names["blk.0.attn_v.weight"]).astype(np.float16)
    assert np.array_equal(tensors["model.layers.0.self_attn.v_proj.weight"], value)
    assert len(tensors) == len(header.tensors)


def test_permutation_pairs_the_halves_of_each_head() -> None:
    rows = np.arange(8).reshape(8, 1)
    # Two heads of four rows: the halves (0 1 | 2 3) become the pairs 0 2, 1 3.
    assert permute(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_vocabularies_that_cannot_be_rebuilt_are_refused(gguf: Path) -> None:
    metadata = dict(read_header(gguf).metadata)
    assert supports(metadata)
    assert build_tokenizer(metadata).token_to_id(CONTROL[1]) == 1
    with pytest.raises(ConfigError, match="Hugging Face directory"):
        build_tokenizer({**metadata, "tokenizer.ggml.pre": "unheard-of"})


def test_tensors_make_the_round_trip_and_equal_the_library(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors = {
        "b": random.normal(size=(3, 4)).astype(np.float32),
        "a": random.normal(size=(5,)).astype(np.float16),
        "c": np.arange(6, dtype=np.int64).reshape(2, 3),
    }
    write_tensors(tmp_path / "x.safetensors", tensors, {"format": "pt"})
    found = read_tensors(tmp_path / "x.safetensors")
    assert found.keys() == tensors.keys()
    assert all(np.array_equal(found[name], tensors[name]) for name in tensors)
    library = pytest.importorskip("safetensors.numpy", reason="needs the train extra")
    loaded = library.load_file(str(tmp_path / "x.safetensors"))
    assert all(np.array_equal(loaded[name], tensors[name]) for name in tensors)


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    bits = np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16
    (tmp_path / "x.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header + bits.astype("<u2").tobytes()
    )
    assert read_tensors(tmp_path / "x.safetensors")["x"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "header length"),
        (b"not json", "not JSON"),
        (b"[1]", "no table"),
        (b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}', "tensor 'x'"),
        (b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', "tensor 'x'"),
        (b'{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}', "tensor 'x'"),
        (b'{"x":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}', "tensor 'x'"),
    ],
)
def test_safetensors_that_lie_are_refused(tmp_path: Path, header: bytes, reason: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    with pytest.raises(DataError, match=reason):
        check_tensors(path)


def write_adapter(
    folder: Path, config: dict[str, object], modules: dict[str, tuple[int, int]], rank: int = 2
) -> Path:
    folder.mkdir()
    random = np.random.default_rng(1)
    tensors = {}
    for module, (outputs, inputs) in modules.items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = random.normal(size=(rank, inputs)).astype(
            np.float32
        )
        tensors[f"base_model.model.{module}.lora_B.weight"] = random.normal(size=(outputs, rank)).astype(
            np.float32
        )
    write_tensors(folder / "adapter_model.safetensors", tensors)
    base = {"peft_type": "LORA", "r": rank, "lora_alpha": 6, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps({**base, **config}))
    return folder


@pytest.mark.parametrize(
    ("config", "scale"),
    [({}, 3.0), ({"use_rslora": True}, 6 / 2**0.5), ({"alpha_pattern": {"q_proj": 2}}, 1.0)],
)
def test_lora_adds_the_same_weights_in_gguf(
    gguf: Path, tmp_path: Path, config: dict[str, object], scale: float
) -> None:
    module = "model.layers.0.self_attn.q_proj"
    adapter = write_adapter(tmp_path / "adapter", config, {module: (64, 64)})
    convert_lora(adapter, read_header(gguf), tmp_path / "lora.gguf")
    header = read_header(tmp_path / "lora.gguf")
    a, b = (read_tensor(header, entry) for entry in sorted(header.tensors, key=lambda entry: entry.name))
    alpha = header.metadata["adapter.lora.alpha"]
    source = read_tensors(adapter / "adapter_model.safetensors")
    expected = (
        scale
        * source[f"base_model.model.{module}.lora_B.weight"]
        @ source[f"base_model.model.{module}.lora_A.weight"]
    )
    assert np.allclose(alpha / a.shape[0] * b @ a, permute(expected, 2), atol=1e-4)


@pytest.mark.parametrize(
    ("config", "modules", "reason"),
    [
        ({"use_dora": True}, {"model.layers.0.mlp.up_proj": (128, 64)}, "use_dora"),
        ({"peft_type": "IA3"}, {"model.layers.0.mlp.up_proj": (128, 64)}, "not LORA"),
        ({}, {"model.layers.9.mlp.up_proj": (128, 64)}, "can't adapt"),
        ({}, {"model.embed_tokens": (266, 64)}, "can't adapt"),
        ({}, {"model.layers.0.mlp.up_proj": (64, 64)}, "shape 64x64"),
    ],
)
def test_adapters_that_gguf_cannot_hold_are_refused(
    gguf: Path, tmp_path: Path, config: dict[str, object], modules: dict[str, tuple[int, int]], reason: str
) -> None:
    adapter = write_adapter(tmp_path / "adapter", config, modules)
    with pytest.raises(DataError, match=reason):
        convert_lora(adapter, read_header(gguf), tmp_path / "lora.gguf")
