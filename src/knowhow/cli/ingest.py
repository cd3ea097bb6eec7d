"""knowhow ingest: bring the index in step with the documents folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.types import IngestResult


def ingest(
    workspace: WorkspaceOption = HERE,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and ingest again whenever a document changes.")
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Read and embed everything anew (needed after a change of embedder)."),
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Really empty the index when the folder is empty.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring the index in step with the documents folder: new, changed and deleted files only.

    A file that cannot be read costs one line on stderr and never stops the rest.
    """
    from knowhow.cli.output import print_note
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        _show(opened.ingest(rebuild=rebuild, allow_empty=allow_empty), as_json)
        if watch:
            print_note("Watching for changes; Ctrl-C stops.")
            for result in opened.watch():
                _show(result, as_json)


def _show(result: IngestResult, as_json: bool) -> None:
    import sys

    from knowhow.cli.output import print_json

    if as_json:
        print_json(result)
        return
    for problem in result.problems:
        print(f"skipped {problem.source}: {problem.reason} {problem.mend}", file=sys.stderr)
    for flagged in result.flagged:
        print(f"suspicious {flagged.source}: {flagged.reason}", file=sys.stderr)
    print(
        f"{result.added} added, {result.changed} changed, {result.deleted} deleted, {result.unchanged} unchanged, "
        f"{len(result.problems)} skipped; {result.chunks} chunks written in {result.seconds:.1f} s."
    )
