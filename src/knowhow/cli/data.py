"""knowhow data check: what is wrong with the examples, before anything is spent on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.evaluation.lint import LintReport

_LINES_SHOWN = 12

data = typer.Typer(help="Look at examples before anything is spent on them.", no_args_is_help=True)


@data.callback()
def _group() -> None:
    """Look at examples before anything is spent on them."""


@data.command("check")
def check(
    examples: Annotated[
        Path | None, typer.Argument(help="A file of examples; default: that of the workspace.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Find duplicates, leaks, contradictions, stray formats, uncovered answers and personal data; exit 2 on an error.

    Example: knowhow data check
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        found = opened.check_examples(examples)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found.has_errors:
        raise typer.Exit(2)


def _show(found: LintReport) -> None:
    print(f"{found.examples} examples: {found.train} for training, {found.held_out} held out.")
    if found.coverage is not None:
        print(f"{found.coverage:.0%} of the answers stand in the documents.")
    for finding in found.findings:
        lines = ", ".join(map(str, finding.lines[:_LINES_SHOWN]))
        more = f" and {len(finding.lines) - _LINES_SHOWN} more" if len(finding.lines) > _LINES_SHOWN else ""
        print(f"\n{finding.severity}: {finding.sentence}")
        if lines:
            print(f"  lines {lines}{more}")
        print(f"  mend: {finding.mend}")
    if not found.findings:
        print("Nothing to mend.")


@data.command("show")
def show(
    strategy: Annotated[str, typer.Argument(help="A strategy that trains, such as raft.")],
    count: Annotated[int, typer.Option("--n", "-n", min=1, help="How many rows.")] = 5,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Show the rows that a strategy would be trained on, as OpenAI chat JSON lines, without training anything.

    Example: knowhow data show raft --n 5
    """
    import json

    from knowhow.cli.output import print_note
    from knowhow.training.rows import row_to_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        rows = opened.training_rows(strategy)
    for row in rows[:count]:
        print(json.dumps(row_to_json(row), ensure_ascii=False))
    print_note(f"{min(count, len(rows))} of {len(rows)} rows.")
