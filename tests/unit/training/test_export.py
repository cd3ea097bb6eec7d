"""A merged model computes what base and adapter compute together."""

import numpy as np
import pytest

from knowhow.errors import DataError
from knowhow.testing.fakes import FakeGenerator
from knowhow.training.export import check_parity, merge_huggingface
from knowhow.types import Message, Role

torch = pytest.importorskip("torch", reason="training needs: pip install 'knowhow-ai[train]'")


@pytest.fixture
def adapter(tiny_model, tmp_path):
    """Return an adapter directory with random weights."""
    from knowhow.training.adapters import write_adapter
    from knowhow.training.network import AdaptedModel, load_model
    from knowhow.training.options import TrainingOptions

    options = TrainingOptions(rank=4, layers=0.5, precision="fp32")
    torch.manual_seed(2)
    model = AdaptedModel(load_model(tiny_model, options), options)
    with torch.no_grad():
        for item in model.parameters().values():
            item.copy_(torch.randn_like(item) * 0.2)
    facts = {"validation": [], "steps": 1, "tokens": 1, "losses": [1.0], "seed": 0}
    write_adapter(tmp_path / "adapter", model, "tiny", facts)
    return tmp_path / "adapter"


def test_the_merged_directory_gives_the_same_logits(tiny_model, adapter, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    merge_huggingface(adapter, tiny_model, tmp_path / "merged")
    ids = torch.arange(40).unsqueeze(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    plain = base(input_ids=ids).logits.detach()
    expected = PeftModel.from_pretrained(base, adapter)(input_ids=ids).logits
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)(
        input_ids=ids
    ).logits
    torch.testing.assert_close(merged, expected, rtol=1e-3, atol=1e-4)
    assert np.abs((merged - plain).detach().numpy()).max() > 0.1


def test_an_adapter_of_another_model_is_refused(tiny_model, adapter, tmp_path):
    from safetensors.torch import load_file, save_file

    path = adapter / "adapter_model.safetensors"
    save_file({name.replace("layers.3", "layers.9"): item for name, item in load_file(path).items()}, path)
    with pytest.raises(DataError, match=r"layers\.9.*base model does not have"):
        merge_huggingface(adapter, tiny_model, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_parity_counts_equal_texts_and_shows_the_others():
    asked = [(Message(Role.USER, text),) for text in ("one", "two", "three")]
    other = FakeGenerator(lambda turns: turns[-1].content.replace("two", "2"))
    parity = check_parity(asked, FakeGenerator(), other)
    assert (parity.same, parity.total) == (2, 3)
    assert parity.differences == ((2, "two", "2"),)
