"""knowhow list: what the index holds."""

from __future__ import annotations

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def list_documents(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List the documents in the index with language, chunks and who may read them."""
    from knowhow.cli.output import console, print_json
    from knowhow.defence.evidence import LEVELS, EvidenceGuard
    from knowhow.defence.hidden import FLAGS
    from knowhow.workspace import Workspace
    from knowhow.workspace.components import read_trust

    with Workspace(workspace) as opened:
        records = opened.records()
        guard = EvidenceGuard(read_trust(opened.settings))
    if as_json:
        print_json(records)
        return
    if not records:
        print("The index is empty. Fill it with: knowhow ingest")
        return
    from rich.table import Table

    names = {level: name for name, level in LEVELS.items()}

    table = Table(
        "document", "title", "language", "chunks", "readable by", "trust", "look at", box=None, pad_edge=False
    )
    for record in records:
        table.add_row(
            record.id,
            record.title,
            record.language,
            str(record.chunks),
            ", ".join(sorted(record.groups)) or "everyone",
            names[guard.trust(record.source)],
            record.metadata.get(FLAGS, "").replace(",", ", "),
        )
    console().print(table)
