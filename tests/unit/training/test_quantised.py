"""QLoRA on a CPU: four bits under the adapter, and the line that says what to install where they cannot be had."""

import importlib.util

import pytest
from tests.unit.training.conftest import write_tiny_model

from knowhow.errors import MissingDependencyError
from knowhow.training.loop import LoraLoop, Rows
from knowhow.training.network import AdaptedModel, load_model
from knowhow.training.options import TrainingOptions
from knowhow.training.tokens import encode_rows

OPTIONS = {
    "rank": 4,
    "layers": 1.0,
    "epochs": 8.0,
    "learning_rate": 1e-2,
    "validation": 0.0,
    "precision": "fp32",
    "checkpoint_seconds": 1e6,
}
HAS_BITSANDBYTES = importlib.util.find_spec("bitsandbytes") is not None


@pytest.mark.skipif(HAS_BITSANDBYTES, reason="bitsandbytes is installed")
def test_without_bitsandbytes_the_error_says_what_to_install(tiny_model):
    with pytest.raises(MissingDependencyError, match=r"pip install 'knowhow-ai\[qlora\]'"):
        load_model(tiny_model, TrainingOptions(quantization="nf4", **OPTIONS).resolve())


@pytest.mark.skipif(not HAS_BITSANDBYTES, reason="needs: pip install 'knowhow-ai[qlora]'")
def test_four_bits_learn_nearly_as_well_as_all(conversations, tmp_path):
    import torch

    # Quantised in blocks of 64 values, which the usual tiny model's smallest matrices do not fill.
    base_folder = write_tiny_model(tmp_path / "wide", width=128)
    last = {}
    for kind in ("", "nf4"):
        torch.manual_seed(0)
        options = TrainingOptions(quantization=kind, **OPTIONS).resolve()
        base = load_model(base_folder, options)
        name = type(base.model.layers[0].self_attn.q_proj).__name__
        assert name == ("Linear4bit" if kind else "Linear")
        rows = Rows(encode_rows(base_folder, conversations, 512), [])
        state = LoraLoop(AdaptedModel(base, options), rows, options, 0, tmp_path / f"work{kind}", "x").run()
        assert state.losses[-1] < state.losses[0]
        last[kind] = state.losses[-1]
    assert last["nf4"] == pytest.approx(last[""], rel=0.35)
