"""knowhow audit: the log of who did what, and tests of what a model gives away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from knowhow.cli.memory import memory
from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

audit = typer.Typer(
    help="Who asked, saw, changed, released and purged; and audits of trained models.", no_args_is_help=True
)


audit.command("memory")(memory)


@audit.command("log")
def log(
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no line was changed, removed or put in between.")
    ] = False,
    head: Annotated[
        str,
        typer.Option(
            "--head", help="A digest that --verify printed earlier: also prove that nothing was cut off."
        ),
    ] = "",
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the whole log to a .jsonl or .csv file.")
    ] = None,
    question: Annotated[
        str, typer.Option("--question", help="Only lines about this question, found by its digest.")
    ] = "",
    last: Annotated[int, typer.Option("--last", help="Show so many of the last lines; 0 shows all.")] = 50,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show the audit log, check its chain, or export it.

    Example: knowhow audit log --verify
    """
    from knowhow.cli.output import print_json
    from knowhow.config import load_settings
    from knowhow.workspace.audit import AuditLog, describe_entry

    kept = AuditLog(load_settings(workspace))
    if export is not None:
        print(f"Wrote {kept.export(export)} lines to {export}.")
    if verify or head:
        checked = kept.verify(head)
        if as_json:
            print_json(checked)
        else:
            print(
                f"{checked.entries} lines, each follows from the one before. Head: {checked.head or 'none'}"
            )
        return
    if export is not None:
        return
    entries = kept.entries()
    if question:
        wanted = (question.strip(), kept.digest_question(question))
        entries = [entry for entry in entries if entry.details.get("question") in wanted]
    entries = entries[-last:] if last > 0 else entries
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        print(describe_entry(entry))
    if not entries:
        print("The log holds no such line.")
