"""Where the base model of a training run stands as a Hugging Face directory."""

from __future__ import annotations

from pathlib import Path

from knowhow.errors import ConfigError, suggest


def base_model_directory(name: str) -> tuple[str, Path]:
    """Return display name and directory of a base model: a local Hugging Face directory, or (also for "") the embedded one."""
    from knowhow.models import SMOLLM2, smollm_directory

    if name in ("", SMOLLM2.name):
        return SMOLLM2.name, smollm_directory()
    path = Path(name).expanduser()
    if not (path / "config.json").is_file() or not list(path.glob("*.safetensors")):
        raise ConfigError(
            f"[training] base_model '{name}' is neither a folder with config.json and *.safetensors nor a model that comes with "
            f"KnowHow. {suggest(name, [SMOLLM2.name])}"
        )
    return path.name, path.resolve()
