"""The verb export: what a strategy learned, in the form that another server loads, and whether it answers there as it does here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from knowhow import models
from knowhow.config import Settings
from knowhow.errors import ConfigError, DataError
from knowhow.generation.engines.llama_cpp import LlamaCpp
from knowhow.generation.engines.transformers import Transformers
from knowhow.models.gguf_file import read_header
from knowhow.models.lora import convert_lora
from knowhow.protocols import Generator
from knowhow.registry import build
from knowhow.storage import digest_json
from knowhow.training.adapters import read_manifest
from knowhow.training.base_model import base_model_directory
from knowhow.training.export import Parity, check_parity, merge_gguf, merge_huggingface
from knowhow.training.fitting import ADAPTER, ROWS
from knowhow.training.rows import read_rows
from knowhow.types import Conversation
from knowhow.workspace.components import WorkspaceComponents
from knowhow.workspace.fitted import find_fitted

Form = Literal["gguf", "huggingface", "lora-gguf", "peft"]
Precision = Literal["f16", "bf16", "q8_0", "q4_0"]


@dataclass(frozen=True, slots=True)
class Export:
    """What was written where, and how many prompts were answered with the same text; `parity` is None where nobody looked."""

    form: str
    path: Path
    base_model: str
    parity: Parity | None


def export_strategy(
    settings: Settings, name: str, target: Path, form: Form, precision: Precision = "f16", prompts: int = 20
) -> Export:
    """Write what a strategy learned last to `target`, which must not exist; ConfigError where there is nothing of that form.

    The reference for parity is the generator that answers in this workspace, with the adapter.
    """
    if target.exists():
        raise DataError("exists already.", source=str(target), mend="Name another place, or remove it first.")
    components = WorkspaceComponents(settings)
    try:
        options = settings.strategy.get(name, {})
        strategy = build("strategy", name, options, section=f"knowhow.toml [strategy.{name}]")
        fitted = find_fitted(settings, name, strategy, components)
        adapter = fitted / ADAPTER
        if not adapter.is_dir():
            raise ConfigError(
                f"The strategy '{name}' trains no adapter. Export raft, finetuned_rag or finetuned."
            )
        base_model = str(read_manifest(adapter)["base_model"])
        serve = _write(settings, adapter, target, form, precision)
        parity = None
        if prompts:
            asked = _prompts(fitted / ROWS, prompts)
            with closing(serve()) as exported:
                parity = check_parity(asked, components.generator(adapter), exported)
        return Export(form, target, base_model, parity)
    finally:
        components.close()


def _write(
    settings: Settings, adapter: Path, target: Path, form: Form, precision: Precision
) -> Callable[[], Generator]:
    """Write the export and return what serves it here, to compare with."""
    if form == "huggingface":
        _, base = base_model_directory(_base_name(settings))
        merge_huggingface(adapter, base, target)
        return lambda: Transformers(model=str(target))
    if form == "peft":
        shutil.copytree(adapter, target)
        return lambda: Transformers(
            model=str(base_model_directory(_base_name(settings))[1]), adapter=str(target)
        )
    gguf = _base_gguf(settings)
    if form == "gguf":
        merge_gguf(adapter, gguf, target, precision)
        return lambda: LlamaCpp(model=str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    convert_lora(adapter, read_header(gguf), target)
    # The engine loads an adapter by its PEFT directory and makes this same file of it.
    return lambda: LlamaCpp(model=str(gguf), adapter=str(adapter))


def _base_name(settings: Settings) -> str:
    return str(settings.training.get("base_model", ""))


def _base_gguf(settings: Settings) -> Path:
    """Return the GGUF file of the base model in the precision it came in: the embedded one's, or that of [generator]."""
    if _base_name(settings) in ("", models.SMOLLM2.name):
        return models.smollm_source()
    configured = settings.generator.options.get("model", "")
    if settings.generator.name == "llama_cpp" and str(configured).endswith(".gguf"):
        return Path(str(configured)).expanduser()
    raise ConfigError(
        "There is no GGUF file of this base model to merge into. Export --as huggingface and convert that with llama.cpp's "
        "convert_hf_to_gguf.py, or name the file under [generator] model."
    )


def _prompts(path: Path, count: int) -> list[Conversation]:
    """Return the prompts of some rows, chosen by digest."""
    rows = read_rows(path)
    asked = {digest_json([message.content for message in row.conversation[:-1]]): row for row in rows}
    return [asked[key].conversation[:-1] for key in sorted(asked)[:count]]
