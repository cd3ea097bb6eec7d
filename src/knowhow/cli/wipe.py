"""knowhow wipe: remove everything that KnowHow keeps of a workspace."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def wipe(
    sources: Annotated[
        bool,
        typer.Option("--source", help="Also delete the documents folder, the examples and the tombstones."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Delete the whole state of a workspace: index, caches, comparisons, adapters, releases, feedback, keys and logs.

    Documents, examples and knowhow.toml are yours and stay, unless --source is given; knowhow.toml stays in any case.
    """
    from knowhow.cli.output import print_json
    from knowhow.errors import PolicyError
    from knowhow.workspace import Workspace

    if not yes:
        if not sys.stdin.isatty():
            raise PolicyError("Nobody can be asked here. To wipe the workspace all the same, give --yes.")
        typer.confirm(f"Delete everything that KnowHow keeps for {workspace.resolve()}?", abort=True)
    with Workspace(workspace) as opened:
        done = opened.wipe(with_sources=sources)
    if as_json:
        print_json(done)
        return
    print(f"Deleted {done.files} files, {done.bytes:,} bytes. Nothing of the state is left.")
