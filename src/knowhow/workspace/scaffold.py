"""Making a workspace on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from knowhow.config import FILE_NAME
from knowhow.errors import ConfigError, NotFoundError
from knowhow.storage import write_text

_TEMPLATE = """\
# KnowHow workspace. Every key has a default; the full list: docs/reference/configuration.md
effort = "quick"                 # quick | standard | thorough: seeds, epochs, resamples

[documents]
path = "{documents}"
# rules = [{{ path = "internal/**", groups = ["staff"] }}]   # who may read what; unmatched documents are public

[examples]
path = "{examples}"

[prompt]
# instructions = "You answer for the service desk, in two sentences."

[format]
# sections = ["[Policy basis]", "[Plain answer]"]   # the form every answer must keep
# banned = ["guarantee"]
"""


@dataclass(frozen=True, slots=True)
class CreatedWorkspace:
    """What `create_workspace` made or found; `examples` is None when there are none yet."""

    config: Path
    documents: Path
    document_files: int
    examples: Path | None


def create_workspace(
    folder: Path, documents: Path | None = None, examples: Path | None = None
) -> CreatedWorkspace:
    """Write knowhow.toml into `folder`, pointing at given documents and examples in place; an existing one is never overwritten."""
    config = folder / FILE_NAME
    if config.exists():
        raise ConfigError(f"{config} exists already. Edit it, or choose another folder.")
    if documents is not None and not documents.is_dir():
        raise NotFoundError(f"{documents} is not a folder. Correct the path behind --docs.")
    if examples is not None and not examples.exists():
        raise NotFoundError(f"{examples} does not exist. Correct the path behind --examples.")
    folder.mkdir(parents=True, exist_ok=True)
    document_folder = documents if documents is not None else folder / "documents"
    document_folder.mkdir(exist_ok=True)
    example_file = examples if examples is not None else folder / "examples.jsonl"
    text = _TEMPLATE.format(
        documents=_relative(document_folder, folder), examples=_relative(example_file, folder)
    )
    write_text(config, text)
    files = sum(1 for path in document_folder.rglob("*") if path.is_file())
    return CreatedWorkspace(config, document_folder, files, example_file if example_file.exists() else None)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix().replace('"', '\\"')
