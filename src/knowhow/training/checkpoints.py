"""Checkpoints of a training run: safetensors only, written atomically, the last two kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from knowhow.storage import write_bytes


@dataclass
class TrainingState:
    """Where a run stands besides its tensors; `fingerprint` names data, options, base model and versions."""

    fingerprint: str
    step: int = 0
    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = -1
    is_finished: bool = False
    seconds: float = 0.0
    tokens: int = 0
    planned_steps: int = 0
    """Steps in all once a time limit has left some out; 0 before."""


def save_checkpoint(folder: Path, state: TrainingState, tensors: Mapping[str, Any]) -> None:
    """Write one checkpoint and drop all but the last two."""
    from safetensors.torch import save

    data = save(
        {name: item.detach().contiguous().cpu() for name, item in tensors.items()},
        metadata={"state": json.dumps(asdict(state), sort_keys=True)},
    )
    write_bytes(folder / f"checkpoint-{state.step:08d}.safetensors", data)
    for old in _checkpoints(folder)[2:]:
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, fingerprint: str) -> tuple[TrainingState, dict[str, Any]] | None:
    """Return the newest readable checkpoint of this run; None when there is none and training starts anew."""
    from safetensors import SafetensorError, safe_open

    for path in _checkpoints(folder):
        try:
            with safe_open(path, framework="pt") as file:
                state = TrainingState(**json.loads(file.metadata()["state"]))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            print(
                f"The checkpoint {path.name} cannot be read ({error}); taking the one before.",
                file=sys.stderr,
            )
            continue
        if state.fingerprint == fingerprint:
            return state, tensors
    return None


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.safetensors"), reverse=True)
