"""knowhow serve: answer over HTTP, OpenAI-compatible and in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, QuietOption, WorkspaceOption, parse_groups


def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Where to listen; other addresses than this machine's own need API keys."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8600,
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="What answers as long as no release is champion.")
    ] = "rag",
    groups: Annotated[
        str,
        typer.Option("--groups", help="Groups of whoever asks from this machine while there are no keys."),
    ] = "",
    quiet: QuietOption = False,
) -> None:
    """Answer questions over HTTP with the champion: /v1 for OpenAI clients, /api for programs, pages for people.

    Example: knowhow serve --port 8600
    """
    from knowhow.cli.output import print_note
    from knowhow.errors import MissingDependencyError
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    try:
        from knowhow.serving.server import Server
        from knowhow.serving.service import Service
    except ImportError as error:
        raise MissingDependencyError.extra("knowhow serve", "serve") from error
    with Workspace(workspace) as opened:
        service = Service(opened, fallback=strategy, local_groups=parse_groups(groups))
        server = Server(service, host, port)
        print_note(f"{service.answerer.name_champion()} answers on http://{host}:{port} (Ctrl-C stops).")
        if not service.needs_keys:
            print_note(
                "There are no API keys: whoever uses this machine is admin. Make one with: knowhow key create"
            )
        server.run()
