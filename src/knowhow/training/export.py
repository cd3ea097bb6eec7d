"""Adapters for other servers: merged into the base model as a Hugging Face directory or a GGUF file, and checked for parity.

vLLM and llama.cpp servers also take the adapter directory as it is; a merged model answers faster.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from knowhow.errors import DataError
from knowhow.models.gguf_file import read_header
from knowhow.models.huggingface import permute, rename_tensor
from knowhow.models.lora import read_deltas
from knowhow.models.quantisation import requantise
from knowhow.models.tensors import read_tensors, write_tensors
from knowhow.protocols import Generator
from knowhow.storage import read_json, write_json
from knowhow.training.adapters import MANIFEST
from knowhow.types import Conversation, Decoding


@dataclass(frozen=True, slots=True)
class Parity:
    """How many prompts two engines answered with the same text; `differences` holds (prompt number, first, second)."""

    same: int
    total: int
    differences: tuple[tuple[int, str, str], ...]


def merge_huggingface(adapter: Path, base: Path, target: Path) -> None:
    """Write `base` with the adapter merged in (weights in float32) as a Hugging Face directory."""
    import numpy as np

    deltas = read_deltas(adapter)
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    left = set(deltas)
    for path in sorted(base.iterdir()):
        if path.suffix == ".json" and path.name != "model.safetensors.index.json":
            shutil.copyfile(path, part / path.name)
    tensors: dict[str, Any] = {}
    for path in sorted(base.glob("*.safetensors")):
        for name, array in read_tensors(path).items():
            module = name.removesuffix(".weight")
            tensors[name] = np.asarray(array, dtype=np.float32)
            if module in deltas:
                a, b = deltas[module]
                tensors[name] = tensors[name] + b @ a
                left.discard(module)
    _refuse_strangers(left, adapter)
    write_tensors(part / "model.safetensors", tensors, {"format": "pt"})
    config = read_json(part / "config.json")
    write_json(part / "config.json", {**config, "dtype": "float32"})
    _copy_manifest(adapter, part / MANIFEST)
    shutil.rmtree(target, ignore_errors=True)
    part.replace(target)


def merge_gguf(
    adapter: Path, base: Path, target: Path, kind: Literal["q8_0", "q4_0", "f16", "bf16"] = "f16"
) -> None:
    """Write the GGUF file `base` with the adapter merged in, matrices as `kind`; chat template and tokenizer stay as they are."""
    header = read_header(base)
    deltas = read_deltas(adapter)
    heads = header.metadata["llama.attention.head_count"]
    groups = {"attn_q": heads, "attn_k": header.metadata.get("llama.attention.head_count_kv", heads)}
    left = set(deltas)

    def change(name: str, array: Any) -> Any:
        module = rename_tensor(name, base).removesuffix(".weight")
        if module not in deltas:
            return array
        left.discard(module)
        a, b = deltas[module]
        part = name.split(".")[-2]
        return array + (permute(b, groups[part]) if part in groups else b) @ a

    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    requantise(base, part, kind, change)
    _refuse_strangers(left, adapter)
    part.replace(target)
    _copy_manifest(adapter, target.with_name(f"{target.stem}.{MANIFEST}"))


def check_parity(
    conversations: Sequence[Conversation], first: Generator, second: Generator, max_tokens: int = 40
) -> Parity:
    """Answer greedily by both engines and compare the texts; another chat template shows at once."""
    decoding = Decoding(max_tokens=max_tokens)
    pairs = zip(
        first.generate(conversations, decoding), second.generate(conversations, decoding), strict=True
    )
    differences = tuple(
        (number, left.text, right.text)
        for number, (left, right) in enumerate(pairs, start=1)
        if left.text.strip() != right.text.strip()
    )
    return Parity(len(conversations) - len(differences), len(conversations), differences)


def _refuse_strangers(modules: set[str], adapter: Path) -> None:
    if modules:
        raise DataError(
            f"adapts {min(modules)}, which the base model does not have.",
            source=str(adapter),
            mend="Merge it into the base model it was trained on.",
        )


def _copy_manifest(adapter: Path, target: Path) -> None:
    if (adapter / MANIFEST).is_file():
        shutil.copyfile(adapter / MANIFEST, target)
