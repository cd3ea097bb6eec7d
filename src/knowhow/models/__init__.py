"""The embedded models: fetched once, pinned by digest, and converted to what the engines run."""

from __future__ import annotations

from pathlib import Path

from knowhow.models.catalog import CATALOG, MINILM, SMOLLM2, Model, cache_directory, find_model
from knowhow.models.fetch import derive, fetch, find_damage, is_fetched, remove


def minilm_directory() -> Path:
    """Return the folder with model.onnx and tokenizer.json of the embedded embedder, fetched and converted at first use."""
    from knowhow.models.minilm import convert_minilm

    return derive(MINILM, "onnx-1", convert_minilm)


def smollm_source() -> Path:
    """Return the embedded generator as the GGUF file it was published as, fetched at first use."""
    return fetch(SMOLLM2) / _original(SMOLLM2)


def smollm_gguf() -> Path:
    """Return the embedded generator as the GGUF file that llama.cpp runs fastest, fetched and converted at first use."""
    from knowhow.models.quantisation import requantise

    member = _original(SMOLLM2)
    return derive(SMOLLM2, "q8_0-1.gguf", lambda source, target: requantise(source / member, target, "q8_0"))


def smollm_directory() -> Path:
    """Return the embedded generator as a Hugging Face directory in float16, for training and for torch."""
    from knowhow.models.huggingface import convert_to_huggingface

    member = _original(SMOLLM2)
    return derive(
        SMOLLM2, "huggingface-1", lambda source, target: convert_to_huggingface(source / member, target)
    )


def _original(model: Model) -> str:
    return Path(next(iter(model.files))).name


__all__ = [
    "CATALOG",
    "MINILM",
    "SMOLLM2",
    "Model",
    "cache_directory",
    "derive",
    "fetch",
    "find_damage",
    "find_model",
    "is_fetched",
    "minilm_directory",
    "remove",
    "smollm_directory",
    "smollm_gguf",
    "smollm_source",
]
