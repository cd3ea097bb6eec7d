"""A Hugging Face directory from a llama GGUF file: configuration, tokenizer and weights for training, without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow import storage
from knowhow.errors import DataError
from knowhow.models.gguf_file import GgufHeader, read_header, read_tensor
from knowhow.models.tensors import write_tensors
from knowhow.models.tokenizer import build_tokenizer

if TYPE_CHECKING:
    from knowhow.models.tensors import Array

_NAMES: Mapping[str, str] = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_WHOLE: Mapping[str, str] = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


def convert_to_huggingface(source: Path, target: Path) -> None:
    """Write `target` (config.json, tokenizer.json, tokenizer_config.json, generation_config.json, model.safetensors in float16)."""
    import numpy as np

    header = read_header(source)
    config = describe_llama(header)
    target.mkdir(parents=True, exist_ok=True)
    tensors = {
        rename_tensor(entry.name, source): np.ascontiguousarray(
            _unpermute(entry.name, read_tensor(header, entry), config).astype(np.float16)
        )
        for entry in header.tensors
    }
    write_tensors(target / "model.safetensors", tensors, {"format": "pt"})
    storage.write_json(target / "config.json", config)
    storage.write_json(
        target / "generation_config.json",
        {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")},
    )
    build_tokenizer(header.metadata).save(str(target / "tokenizer.json"))
    storage.write_json(target / "tokenizer_config.json", _describe_tokenizer(header, config))


def describe_llama(header: GgufHeader) -> dict[str, Any]:
    """Return the Hugging Face configuration of a GGUF file; DataError when its architecture is not llama."""
    values = header.metadata
    if values.get("general.architecture") != "llama":
        raise DataError(
            f"has the architecture {values.get('general.architecture')}; only llama can be converted.",
            source=str(header.path),
            mend="Use the model's Hugging Face directory instead.",
        )
    heads = values["llama.attention.head_count"]
    end = values["tokenizer.ggml.eos_token_id"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": values.get("tokenizer.ggml.bos_token_id"),
        "dtype": "float16",
        "eos_token_id": end,
        "head_dim": values.get("llama.rope.dimension_count", values["llama.embedding_length"] // heads),
        "hidden_act": "silu",
        "hidden_size": values["llama.embedding_length"],
        "intermediate_size": values["llama.feed_forward_length"],
        "max_position_embeddings": values["llama.context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": values["llama.block_count"],
        "num_key_value_heads": values.get("llama.attention.head_count_kv", heads),
        "pad_token_id": values.get("tokenizer.ggml.padding_token_id", end),
        "rms_norm_eps": round(values["llama.attention.layer_norm_rms_epsilon"], 12),
        "rope_theta": values.get("llama.rope.freq_base", 10000.0),
        "tie_word_embeddings": all(entry.name != "output.weight" for entry in header.tensors),
        "vocab_size": len(values["tokenizer.ggml.tokens"]),
    }


def rename_tensor(name: str, source: Path) -> str:
    """Return the Hugging Face name of a llama tensor of GGUF; DataError names an unknown one."""
    if name in _WHOLE:
        return _WHOLE[name]
    match = _LAYER.fullmatch(name)
    if match is None or match[2] not in _NAMES:
        raise DataError(f"holds the tensor {name}, which is no part of a llama.", source=str(source))
    return f"model.layers.{match[1]}.{_NAMES[match[2]]}.weight"


def permute(array: Array, heads: int) -> Array:
    """Reorder the rows of a query or key projection from Hugging Face's rotary halves to GGUF's interleaved pairs."""
    return (
        array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
        .swapaxes(1, 2)
        .reshape(array.shape)
    )


def _unpermute(name: str, array: Array, config: Mapping[str, Any]) -> Array:
    if name.endswith("attn_q.weight"):
        heads = config["num_attention_heads"]
    elif name.endswith("attn_k.weight"):
        heads = config["num_key_value_heads"]
    else:
        return array
    return (
        array.reshape(heads, array.shape[0] // heads // 2, 2, *array.shape[1:])
        .swapaxes(1, 2)
        .reshape(array.shape)
    )


def _describe_tokenizer(header: GgufHeader, config: Mapping[str, Any]) -> dict[str, Any]:
    values = header.metadata
    tokens = values["tokenizer.ggml.tokens"]
    named = {
        f"{name}_token": tokens[config[f"{name}_token_id"]]
        for name in ("bos", "eos", "pad")
        if config[f"{name}_token_id"] is not None
    }
    return {
        **named,
        "chat_template": values.get("tokenizer.chat_template", ""),
        "clean_up_tokenization_spaces": False,
        "model_max_length": config["max_position_embeddings"],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
