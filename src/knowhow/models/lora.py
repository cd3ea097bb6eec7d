"""A PEFT LoRA directory as a GGUF adapter for llama.cpp, without torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knowhow import storage
from knowhow.errors import DataError
from knowhow.models.gguf_file import GgufHeader
from knowhow.models.huggingface import permute, rename_tensor
from knowhow.models.tensors import read_tensors

_WEIGHTS = "adapter_model.safetensors"
_KEY = re.compile(r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.\w+)?\.weight")
_PLAIN = {"bias": "none", "use_dora": False, "modules_to_save": None, "fan_in_fan_out": False}


def convert_lora(adapter: Path, base: GgufHeader, target: Path) -> None:
    """Write the PEFT directory `adapter` as GGUF for the llama `base`; DataError for kinds of LoRA that GGUF can't hold.

    llama.cpp adds alpha / rank * B A x to each product; scales that differ by module are put into B.
    """
    import numpy as np
    from gguf import GGUFWriter

    config = _read_config(adapter)
    names = {rename_tensor(entry.name, base.path): entry for entry in base.tensors}
    heads = base.metadata["llama.attention.head_count"]
    groups = {"attn_q": heads, "attn_k": base.metadata.get("llama.attention.head_count_kv", heads)}
    writer = GGUFWriter(str(target), "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    alpha = float(config["r"])
    writer.add_float32("adapter.lora.alpha", alpha)
    for module, (a, b) in sorted(_pair(adapter).items()):
        entry = names.get(f"{module}.weight")
        if entry is None or entry.name == "token_embd.weight":
            raise DataError(
                f"adapts {module}, which the engine can't adapt.",
                source=str(adapter),
                mend="Train with the attention and MLP projections as target modules.",
            )
        if (a.shape[1], b.shape[0]) != entry.shape or a.shape[0] != b.shape[1]:
            raise DataError(
                f"has {module} in shape {b.shape[0]}x{a.shape[1]}, and the model has {entry.shape[1]}x{entry.shape[0]}.",
                source=str(adapter),
                mend="Use the adapter with the model it was trained on.",
            )
        rank = a.shape[0]
        b = b * np.float32(_scale(config, module, rank) * rank / alpha)
        kind = entry.name.split(".")[-2]
        b = permute(b, groups[kind]) if kind in groups else b
        writer.add_tensor(f"{entry.name}.lora_a", np.ascontiguousarray(a, dtype=np.float32))
        writer.add_tensor(f"{entry.name}.lora_b", np.ascontiguousarray(b, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_deltas(adapter: Path) -> dict[str, tuple[Any, Any]]:
    """Return for each adapted module (A, B), float32, with the scale in B: the merged weight is W + B @ A."""
    import numpy as np

    config = _read_config(adapter)
    return {
        module: (a, b * np.float32(_scale(config, module, a.shape[0])))
        for module, (a, b) in _pair(adapter).items()
    }


def _read_config(adapter: Path) -> dict[str, Any]:
    path = adapter / "adapter_config.json"
    if not path.is_file() or not (adapter / _WEIGHTS).is_file():
        raise DataError(
            f"holds no adapter (adapter_config.json and {_WEIGHTS}).",
            source=str(adapter),
            mend="Correct the path.",
        )
    config: dict[str, Any] = storage.read_json(path)
    if config.get("peft_type") != "LORA":
        raise DataError(
            f"is a {config.get('peft_type')} adapter, not LORA.", source=str(path), mend="Train a LoRA."
        )
    for key, plain in _PLAIN.items():
        if config.get(key, plain) not in (plain, []):
            raise DataError(
                f"uses {key} = {config[key]!r}, which GGUF can't hold.",
                source=str(path),
                mend="Train without.",
            )
    return config


def _pair(adapter: Path) -> dict[str, tuple[Any, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, array in read_tensors(adapter / _WEIGHTS).items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise DataError(f"holds {key}, which is no part of a LoRA.", source=str(adapter / _WEIGHTS))
        found.setdefault(match[1], {})[match[2]] = array.astype("float32")
    for module, parts in found.items():
        if set(parts) != {"A", "B"}:
            raise DataError(
                f"holds only half of {module}.", source=str(adapter / _WEIGHTS), mend="Train it again."
            )
    return {module: (parts["A"], parts["B"]) for module, parts in found.items()}


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    alpha = next(
        (
            value
            for pattern, value in (config.get("alpha_pattern") or {}).items()
            if re.fullmatch(rf"(?:.*\.)?{pattern}", module)
        ),
        config["lora_alpha"],
    )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)
