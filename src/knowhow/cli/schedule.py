"""knowhow schedule: ingest by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.workspace.schedule import Done

schedule = typer.Typer(no_args_is_help=True, help="Ingest by the clock, as [schedule] says.")


@schedule.command()
def show(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Show what is due next and what was done last.

    Example: knowhow schedule show
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace
    from knowhow.workspace.schedule import read_agenda

    with Workspace(workspace) as opened:
        agenda = read_agenda(opened.settings)
    if as_json:
        print_json(agenda)
        return
    if not agenda.following:
        print('There is no schedule. Write into knowhow.toml: [schedule] ingest = ["30 3 * * *"]')
        return
    print(f"next: {agenda.following} ({agenda.zone})")
    if agenda.last is not None:
        _show(agenda.last)


@schedule.command()
def run(
    workspace: WorkspaceOption = HERE,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due now, then end: for a system's own timers.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Ingest at every due time, until interrupted; what was missed while nothing ran is done once at the start.

    `knowhow serve` does the same by itself. Example: knowhow schedule run
    """
    import threading

    from knowhow.cli.output import print_note
    from knowhow.errors import ConfigError
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace
    from knowhow.workspace.schedule import check_schedule, follow_schedule, run_due

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        settings = opened.settings
        check_schedule(settings)
        if not settings.schedule.ingest:
            raise ConfigError(
                'There is no schedule. Write into knowhow.toml: [schedule] ingest = ["30 3 * * *"]'
            )
        if once:
            done = run_due(settings, opened.ingest)
            print("nothing is due") if done is None else _show(done)
            return
        print_note("Following the schedule; Ctrl-C stops.")
        follow_schedule(settings, opened.ingest, threading.Event(), _show)


def _show(done: Done) -> None:
    print(f"last: due {done.due}, began {done.began}, {done.state}: {done.text}")
