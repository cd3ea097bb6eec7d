"""Options that every command shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[Path, typer.Option("--workspace", "-C", help="The folder with knowhow.toml.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
GroupsOption = Annotated[
    str,
    typer.Option("--groups", help="Comma-separated groups of the asker; without any, public documents only."),
]

HERE = Path()


def parse_groups(text: str) -> frozenset[str]:
    """Return the names of a comma-separated list."""
    return frozenset(name.strip() for name in text.split(",") if name.strip())
