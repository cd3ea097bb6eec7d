"""knowhow init: make a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from knowhow.cli.options import JsonOption


def init(
    folder: Annotated[Path, typer.Argument(help="The new workspace folder.")] = Path(),
    documents: Annotated[
        Path | None, typer.Option("--docs", help="An existing folder of documents to use in place.")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option("--examples", help="An existing file of questions with answers.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace: a commented knowhow.toml and a place for documents and examples.

    Example: knowhow init my-bot --docs ./policies --examples qa.jsonl
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace.scaffold import create_workspace

    made = create_workspace(folder, documents, examples)
    if as_json:
        print_json(made)
        return
    print(f"Made {made.config}.")
    print(
        f"Documents: {made.documents} ({made.document_files} files). Examples: {made.examples or 'none yet'}."
    )
    print(
        f"Next: knowhow ingest -C {folder}"
        if made.document_files
        else f"Next: put documents into {made.documents}, then: knowhow ingest -C {folder}"
    )
