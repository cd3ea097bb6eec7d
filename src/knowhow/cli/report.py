"""knowhow report: a finished comparison once more, without asking anything again."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def report(
    run: Annotated[str, typer.Argument(help="The run's id or its beginning; default: the newest.")] = "",
    workspace: WorkspaceOption = HERE,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Score the kept answers anew and rewrite the files.")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the report of a finished comparison; kept answers are scored again, nothing is generated.

    Example: knowhow report --open
    """
    from knowhow.cli.output import console, print_json, print_note
    from knowhow.evaluation.report import print_report, report_to_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        found, page = opened.report(run, is_rescored=rescore)
    if as_json:
        print_json(report_to_json(found))
    else:
        print_report(found, console())
        print_note(f"\nReport: {page}")
    if open_page:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
