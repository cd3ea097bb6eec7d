"""The three knobs of training in knowhow.toml: written where the next comparison reads them, comments and other keys left alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from knowhow.config import FILE_NAME, load_settings
from knowhow.errors import ConfigError
from knowhow.storage import write_text
from knowhow.training.options import Effort, Goal

KNOBS: Mapping[str, tuple[str, ...]] = {"goal": get_args(Goal), "effort": get_args(Effort)}
"""The knobs with their values; `base_model` is free text beside them."""


def read_knobs(root: Path) -> dict[str, str]:
    """Return goal, effort and base model as the file has them now, with the defaults for what it does not say."""
    settings = load_settings(root)
    training = settings.training
    return {
        "goal": str(training.get("goal", "style")),
        "effort": str(training.get("effort", settings.effort)),
        "base_model": str(training.get("base_model", "")),
    }


def keep_knobs(root: Path, values: Mapping[str, str]) -> None:
    """Write changed knobs into [training]; ConfigError for a value that a knob does not have."""
    import tomlkit

    for name, known in KNOBS.items():
        if name in values and values[name] not in known:
            raise ConfigError(f"[training] {name} must be one of {', '.join(known)}, not {values[name]!r}.")
    now = read_knobs(root)
    changed = {name: value for name, value in values.items() if value != now[name]}
    if not changed:
        return
    path = root / FILE_NAME
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    if "training" not in document:
        document["training"] = tomlkit.table()
    for name, value in changed.items():
        document["training"][name] = value
    write_text(path, tomlkit.dumps(document))
