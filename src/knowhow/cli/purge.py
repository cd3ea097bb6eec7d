"""knowhow purge: remove documents for good, with a receipt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.workspace import Workspace


def purge(
    documents: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of documents, or their files; a file means all records in it."),
    ] = None,
    source: Annotated[
        bool,
        typer.Option("--source", help="Also delete the files themselves and the examples that rest on them."),
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again, without them, what had learned from them.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Finish a purge that was interrupted.")] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Purge once more what an old copy of the state folder brought back."),
    ] = False,
    lift: Annotated[
        str, typer.Option("--lift", help="Let a purged document (id, file or tombstone) be ingested again.")
    ] = "",
    receipt: Annotated[str, typer.Option("--receipt", help="Show a receipt and check its signature.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; stays in the receipt and the logs.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who; by default the present user of this machine.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove documents from index, caches, answers, comparisons, feedback and training data, and prove it by a byte scan.

    What learned from them is destroyed and its releases are quarantined; ingest, rollback and import never bring them back.
    Example: knowhow purge hr/leaver.md --source --retrain --reason "request of 3 May"
    """
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        if receipt:
            value, is_right = opened.purge_receipt(receipt)
            _show({**value, "is_signature_right": is_right}, as_json)
            raise typer.Exit(0 if is_right else 3)
        if lift:
            print(f"Lifted {opened.lift_purge(lift, reason or 'no reason given').id}. Next: knowhow ingest")
            return
        if resume:
            done = opened.resume_purge()
        else:
            names = list(documents or ()) + (opened.returned_documents() if again else [])
            if not names and again:
                print("Nothing that was purged has come back.")
                return
            _confirm(opened, names, is_sure=yes)
            done = opened.purge(names, by=by, reason=reason, with_sources=source, retrain=retrain)
    _show(done, as_json)
    if not done.is_clean:
        raise typer.Exit(3)


def _confirm(opened: Workspace, names: list[str], *, is_sure: bool) -> None:
    from knowhow.errors import ConfigError

    if not names:
        raise ConfigError("Name the documents to purge. See: knowhow list")
    if is_sure or not sys.stdin.isatty():
        return
    for name in names:
        found = opened.lineage(name)
        used = ", ".join(f"{use.kind} {use.name}" for use in found.uses) or "nothing"
        print(f"{name}: {found.chunks} chunks; used by {used}.", file=sys.stderr)
    typer.confirm("Purge for good?", abort=True)


def _show(done: Any, as_json: bool) -> None:
    from knowhow.cli.output import print_json, to_plain

    value = to_plain(done)
    if as_json:
        print_json(value)
        return
    print(f"Receipt {value['id']} of {value['time']} by {value['by']}: {value['reason']}")
    for what, number in value["removed"].items():
        print(f"  removed {number} {what}")
    for name in value["quarantined"]:
        print(f"  quarantined the release {name}")
    for name in value["retrained"]:
        print(f"  trained {name} again")
    for what, number in value["kept"].items():
        print(f"  outside the state folder there still are {number} {what}; --source deletes them too")
    for note in value["notes"]:
        print(f"  note: {note}")
    scan = value["scan"]
    print(f"  scanned {scan['files']} files, {scan['bytes']:,} bytes, for {scan['patterns']} byte patterns")
    for name, count in scan["remains"]:
        print(f"  STILL THERE: {name} ({count} patterns)")
    if not scan["remains"]:
        print("  nothing was found.")
    if "is_signature_right" in value:
        print(
            "  signature: " + ("right" if value["is_signature_right"] else "WRONG, the receipt was changed")
        )
