"""Adapter directories in PEFT's format, with a model card and a manifest of everything that training touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.storage import digest_file, read_json, sync_directory, write_bytes, write_json, write_text
from knowhow.training.rows import TrainingRow, plain_groups, rows_digest

WEIGHTS, CONFIG, FACTS, MANIFEST = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "training.json",
    "manifest.json",
)


def write_adapter(out: Path, model: Any, base_name: str, facts: Mapping[str, Any]) -> None:
    """Write the trained weights of an AdaptedModel to the directory `out`, all or nothing."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save

    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = get_peft_model_state_dict(model.peft)
    ordered = {name: tensors[name].detach().float().cpu().contiguous() for name in sorted(tensors)}
    write_bytes(part / WEIGHTS, save(ordered, metadata={"format": "pt"}))
    config = model.peft.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": base_name, "inference_mode": True}
    write_json(part / CONFIG, json.loads(json.dumps(config, default=_plain)))
    write_json(part / FACTS, dict(facts))
    write_text(part / "README.md", _model_card(base_name, config, facts))
    shutil.rmtree(out, ignore_errors=True)
    part.replace(out)
    sync_directory(out.parent)


def write_manifest(adapter: Path, strategy: str, rows: Iterable[TrainingRow]) -> dict[str, Any]:
    """Write manifest.json: base, data, every example and document touched (also as a distractor), groups, seed, versions."""
    seen = list(rows)
    facts = read_json(adapter / FACTS)
    kinds = [row.kind for row in seen]
    manifest = {
        "strategy": strategy,
        "weights_digest": digest_file(adapter / WEIGHTS),
        "rows_digest": rows_digest(seen),
        **{
            key: facts[key]
            for key in ("base_model", "base_digest", "data_digest", "seed", "versions", "options")
        },
        "examples": sorted({name for row in seen for name in row.examples}),
        "documents": sorted({name for row in seen for name in (*row.documents, *row.evidence)}),
        "groups": plain_groups({names for row in seen for names in row.groups}),
        "rows": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "rows_without_gold": sum(row.has_gold is False for row in seen),
    }
    write_json(adapter / MANIFEST, manifest)
    return manifest


def read_manifest(adapter: Path) -> dict[str, Any]:
    """Read a manifest; DataError when the directory is no adapter or its weights are not those that were trained."""
    if not (adapter / MANIFEST).is_file() or not (adapter / WEIGHTS).is_file():
        raise DataError("is not an adapter directory.", source=str(adapter), mend="Train the strategy again.")
    manifest: dict[str, Any] = read_json(adapter / MANIFEST)
    if manifest["weights_digest"] != digest_file(adapter / WEIGHTS):
        raise DataError(
            "holds other weights than its manifest names.",
            source=str(adapter),
            mend="Train the strategy again.",
        )
    return manifest


def library_versions() -> dict[str, str]:
    """Return the versions of what training computes with."""
    names = ("knowhow-ai", "torch", "transformers", "peft", "safetensors", "tokenizers")
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _model_card(base_name: str, config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    layers = config.get("layers_to_transform")
    where = f"layers {layers[0]} to {layers[-1]}" if layers else "all layers"
    modules = ", ".join(sorted(config["target_modules"]))
    validation = f"{min(facts['validation']):.3f}" if facts["validation"] else "not measured"
    return f"""---
base_model: {base_name}
library_name: peft
pipeline_tag: text-generation
---
# LoRA adapter for {base_name}

Trained by KnowHow on the workspace's own training examples. It holds behaviour; knowledge belongs into the index.

| | |
|---|---|
| rank, alpha | {config["r"]}, {config["lora_alpha"]} |
| adapted | {modules} in {where} |
| steps, tokens | {facts["steps"]}, {facts["tokens"]} |
| last training loss | {facts["losses"][-1]:.3f} |
| best validation loss | {validation} |
| seed | {facts["seed"]} |

`manifest.json` names every example and document that training touched, and who may use the adapter; `training.json` holds the
options, the loss of every step and the digests of base model and data. Use it with the base model of the same digest only.
"""


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
