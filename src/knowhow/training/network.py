"""The base model with a LoRA adapter, split at the first adapted layer: what lies below never changes and is computed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from knowhow.errors import BackendError, MissingDependencyError
from knowhow.models.processor import has_fast_bf16
from knowhow.training.attention import install
from knowhow.training.options import TrainingOptions
from knowhow.training.packing import Layout, PackedBatch


class AdaptedModel:
    """A causal language model with trainable LoRA weights on its upper layers."""

    def __init__(self, model: Any, options: TrainingOptions) -> None:
        from peft import LoraConfig, get_peft_model

        decoder = model.get_decoder()
        depth = len(decoder.layers)
        self.first_adapted = depth - max(1, round(depth * options.layers))
        config = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=list(options.modules),
            layers_to_transform=list(range(self.first_adapted, depth)) if self.first_adapted else None,
            layers_pattern="layers" if self.first_adapted else None,
            task_type="CAUSAL_LM",
        )
        # Adapters of the model's own precision spare a conversion of every activation; the loop keeps them in float32 beside.
        self.peft = get_peft_model(model, config, autocast_adapter_dtype=False)
        self.device = next(model.parameters()).device
        self._head = model.get_output_embeddings()
        self._lower = _part(decoder, decoder.layers[: self.first_adapted], keeps_norm=False)
        self._upper = _part(decoder, decoder.layers[self.first_adapted :], keeps_norm=True)

    def parameters(self) -> dict[str, Any]:
        """Return the trainable tensors by name, in a fixed order."""
        named = ((name, item) for name, item in self.peft.named_parameters() if item.requires_grad)
        return dict(sorted(named))

    def lower(self, batch: PackedBatch) -> Any:
        """Return hidden states (tokens, width) below the first adapted layer; without gradient."""
        import torch

        with torch.no_grad():
            ids = torch.tensor([batch.ids], device=self.device)
            if not self.first_adapted:
                return self._lower.embed_tokens(ids)[0]
            return self._run(self._lower, batch, input_ids=ids)[0]

    def losses(self, batch: PackedBatch, hidden: Any) -> Any:
        """Return the cross-entropy of each answer token, fp32; logits exist at answer positions only."""
        import torch
        from torch.nn.functional import cross_entropy

        states = self._run(self._upper, batch, inputs_embeds=hidden.unsqueeze(0))[0]
        sources = torch.tensor(batch.sources, device=self.device)
        targets = torch.tensor(batch.targets, device=self.device)
        logits = self._head(states.index_select(0, sources))
        return cross_entropy(logits.float(), targets, reduction="none")

    def _run(self, part: Any, batch: PackedBatch, **inputs: Any) -> Any:
        import torch

        positions = torch.tensor([batch.positions], device=self.device)
        layout: Layout = batch.layout
        return part(position_ids=positions, use_cache=False, layout=layout, **inputs).last_hidden_state


def load_model(directory: Path, options: TrainingOptions) -> Any:
    """Load the base model for training on the best device at hand; BackendError when its architecture can't be split."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments: dict[str, Any] = {"dtype": choose_dtype(options, device), "attn_implementation": install()}
    if options.quantization:
        arguments["quantization_config"] = _quantization(arguments["dtype"])
        arguments["device_map"] = {"": device}
    model = AutoModelForCausalLM.from_pretrained(
        directory, local_files_only=True, trust_remote_code=False, use_safetensors=True, **arguments
    )
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    decoder = model.get_decoder()
    if kinds != {"full_attention"} or not hasattr(decoder, "layers") or not hasattr(decoder, "norm"):
        raise BackendError(
            f"The architecture {type(model).__name__} mixes kinds of layers that packed training does not know. "
            "Choose a Llama-like base model (Llama, Qwen, SmolLM, Mistral without sliding window).",
            engine="training",
        )
    model.requires_grad_(False)
    return model if options.quantization else model.to(device)


def choose_dtype(options: TrainingOptions, device: str) -> Any:
    """Return bfloat16 on a GPU and on CPUs that multiply it natively, float32 elsewhere, unless the options say which."""
    import torch

    if options.precision:
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[options.precision]
    return torch.bfloat16 if device == "cuda" or has_fast_bf16() else torch.float32


def _quantization(dtype: Any) -> Any:
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError.extra("Training on a 4-bit base model (QLoRA)", "qlora") from error
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=True,
    )


def _part(decoder: Any, layers: Sequence[Any], *, keeps_norm: bool) -> Any:
    """A view of the decoder with some of its layers: the weights are shared, not copied."""
    from torch.nn import Identity, ModuleList

    part = copy.copy(decoder)
    part._modules = dict(decoder._modules)
    part._modules["layers"] = ModuleList(layers)
    if not keeps_norm:
        part._modules["norm"] = Identity()
    return part
