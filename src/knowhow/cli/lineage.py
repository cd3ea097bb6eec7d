"""knowhow lineage: what used a document."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def lineage(
    document: Annotated[str, typer.Argument(help="Id of a document, or its file.")],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Name every dataset, adapter, tuned retriever, comparison and release that used a document, also as a distractor.

    Example: knowhow lineage policies/refunds.md
    """
    from knowhow.cli.output import console, print_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        found = opened.lineage(document)
    if as_json:
        print_json(found)
        return
    if found.purged:
        print(f"It was purged (tombstone {found.purged}).")
    print(f"{', '.join(found.documents)}: {found.chunks} chunks, {len(found.examples)} examples rest on it.")
    if not found.uses:
        print("Nothing learned from it, and no comparison, release or feedback used it.")
        return
    from rich.table import Table

    table = Table("what", "name", "strategy", "touched", "state", box=None, pad_edge=False)
    for use in found.uses:
        table.add_row(use.kind, use.name, use.strategy, str(use.count), use.state)
    console().print(table)
