"""knowhow train: fit a strategy ahead of a comparison."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption


def train(
    strategy: Annotated[str, typer.Argument(help="finetuned, finetuned_rag, raft or tuned_retriever.")],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a strategy on the training examples; stopped at any moment, the same command goes on where it was.

    A later comparison uses what was trained here. Example: knowhow train raft
    """
    from knowhow.cli.output import print_json
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        folders = opened.train(strategy)
    if as_json:
        print_json(folders)
        return
    for arm, folder in folders.items():
        print(f"{arm}: {folder}")
    print(f'Next: knowhow compare -C {workspace}, or: knowhow ask -C {workspace} --strategy {strategy} "…"')
