"""The embedded models: fetched once, pinned, and converted to what the engines run."""

from __future__ import annotations

from pathlib import Path

from knowhow.models.catalog import CATALOG, MINILM, SMOLLM2, Model, cache_directory, find_model
from knowhow.models.fetch import derive, fetch, find_damage, is_fetched, remove


def minilm_directory() -> Path:
    """Return the folder with model.onnx and tokenizer.json of the embedded embedder, fetched and converted at first use."""
    from knowhow.models.minilm import convert_minilm

    return derive(MINILM, "onnx-1", convert_minilm)


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
]
