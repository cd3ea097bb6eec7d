"""knowhow fsck: is everything on disk whole, and what mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def fsck(
    repair: Annotated[
        bool, typer.Option("--repair", help="Delete what is broken and can be made again without loss.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Check indexes, logs, releases, runs and weights on disk; exit code 2 where something is not whole.

    Nothing is changed without --repair, and --repair never touches what only a backup can bring back.
    """
    from knowhow.cli.output import print_json
    from knowhow.config import load_settings
    from knowhow.workspace.fsck import inspect

    found = inspect(load_settings(workspace), repairs=repair)
    if as_json:
        print_json({"checked": found.checked, "faults": found.faults, "is_whole": found.is_whole})
    else:
        for fault in found.faults:
            state = "mended" if fault.is_repaired else "broken"
            print(f"{state} {fault.place}: {fault.text} {'' if fault.is_repaired else fault.mend}".rstrip())
        looked = ", ".join(f"{number} {kind}" for kind, number in found.checked.items()) or "nothing to check"
        print(f"{looked}: {'everything is whole' if not found.faults else f'{len(found.faults)} faults'}.")
    if not found.is_whole:
        raise typer.Exit(2)
