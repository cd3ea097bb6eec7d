"""knowhow stream: documents from a Kafka topic."""

from __future__ import annotations

from typing import Annotated

import typer

from knowhow.cli.options import HERE, QuietOption, WorkspaceOption


def stream(
    workspace: WorkspaceOption = HERE,
    once: Annotated[bool, typer.Option("--once", help="Take in what is there, then end.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Take documents in as they come through the topic of [stream], until interrupted; each counts once, however often it is delivered.

    Example: knowhow stream
    """
    from knowhow.cli.output import print_note
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace
    from knowhow.workspace.stream import Stream, open_consumer

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        consumer = open_consumer(opened.settings)
        try:
            following = Stream(opened.settings, consumer, lambda: opened.ingest(allow_empty=True))
            print_note(f"Following {opened.settings.stream.topic}; Ctrl-C stops.")
            while True:
                step = following.step()
                if step.received:
                    print(
                        f"{step.received} messages: {step.applied} taken in, {step.repeated} known already, {step.refused} refused"
                    )
                elif once:
                    return
        finally:
            consumer.close()
