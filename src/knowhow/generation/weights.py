"""Which files an engine's `model` option names: an embedded model, a GGUF file or a Hugging Face directory, checked first."""

from __future__ import annotations

import os
from pathlib import Path

from knowhow import models, storage
from knowhow.errors import ConfigError, NotFoundError, suggest
from knowhow.models.gguf_file import GgufHeader, read_header
from knowhow.models.lora import convert_lora
from knowhow.models.tensors import check_tensors

GENERATORS = tuple(name for name, model in models.CATALOG.items() if model.role == "generator")


def find_gguf(model: str) -> Path:
    """Return the GGUF file for `model` ('' is the embedded one), its header checked."""
    if model in ("", models.SMOLLM2.name):
        return models.smollm_gguf()
    path = Path(model).expanduser()
    if not path.is_file():
        raise NotFoundError(
            f"[generator] model names {path}, which is no GGUF file. Give the path of one, or an embedded model. "
            f"{suggest(model, GENERATORS)}"
        )
    read_header(path)
    return path


def find_directory(model: str) -> Path:
    """Return the Hugging Face directory for `model` ('' is the embedded one), its safetensors checked.

    ConfigError for a directory that holds only pickled weights: those can run code when they are loaded.
    """
    if model in ("", models.SMOLLM2.name):
        return models.smollm_directory()
    path = Path(model).expanduser()
    if not (path / "config.json").is_file():
        raise NotFoundError(
            f"[generator] model names {path}, which is no Hugging Face directory (it holds no config.json). "
            f"Give the path of one, or an embedded model. {suggest(model, GENERATORS)}"
        )
    shards = sorted(path.glob("*.safetensors"))
    if not shards:
        raise ConfigError(
            f"{path} holds no safetensors. Convert its weights: other formats can run code when loaded."
        )
    for shard in shards:
        check_tensors(shard)
    return path


def find_adapter(adapter: Path, base: GgufHeader) -> Path:
    """Return a GGUF adapter for `base`: the file itself, or a PEFT directory converted once into the cache."""
    if adapter.is_file():
        read_header(adapter)
        return adapter
    if not adapter.is_dir():
        raise NotFoundError(f"There is no adapter at {adapter}. Correct the path, or train it again.")
    target = converted_adapter(adapter)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with storage.locked(target.with_suffix(".lock"), purpose="converting an adapter", wait_seconds=600.0):
            if not target.exists():
                part = target.with_suffix(".part")
                convert_lora(adapter, base, part)
                os.replace(part, target)
                storage.sync_directory(target.parent)
    return target


def converted_adapter(adapter: Path) -> Path:
    """Return where the converted copy of a PEFT directory lies or would lie."""
    return models.cache_directory() / "adapters" / f"{fingerprint(adapter)[:32]}-1.gguf"


def identify(model: str, path: Path) -> str:
    """Return a digest of a model's weights; the embedded one's is pinned and the same on every machine."""
    if model in ("", models.SMOLLM2.name):
        return storage.digest_json([models.SMOLLM2.requirement, dict(models.SMOLLM2.files), path.name])
    return fingerprint(path)


def fingerprint(path: Path) -> str:
    """Return a digest that changes with the weights: small files are read, large ones known by size and time of change."""
    files = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    marks = []
    for item in files:
        state = item.stat()
        # A digest of gigabytes at each start would cost more than loading them.
        mark = (
            storage.digest_file(item)
            if state.st_size < 64_000_000
            else f"{state.st_size}:{state.st_mtime_ns}"
        )
        marks.append([item.relative_to(path).as_posix() if path.is_dir() else item.name, mark])
    return storage.digest_json(marks)
