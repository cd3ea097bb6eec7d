"""knowhow release: freeze a measured strategy, and move the pointer that says which one answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.releases.events import Event, Standing
    from knowhow.releases.release import Release

release = typer.Typer(
    help="Freeze a measured strategy and decide which release answers. The log of who, when and why is append-only.",
    no_args_is_help=True,
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stays in the log.")]
ByOption = Annotated[str, typer.Option("--by", help="Who; by default the present user of this machine.")]
NameArgument = Annotated[
    str, typer.Argument(help="Id of a release (or its beginning), champion or challenger.")
]


@release.command("create")
def create(
    run: Annotated[str, typer.Argument(help="Id of a finished comparison, or its beginning.")],
    strategy: Annotated[str, typer.Option("--strategy", "-s", help="The arm to release.")],
    reason: ReasonOption,
    by: ByOption = "",
    override: Annotated[
        str, typer.Option("--override", help="Why to go against the comparison; stays in the log.")
    ] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Freeze one arm of a finished comparison with its proof; the documents stay live.

    Example: knowhow release create 3f2a --strategy rag --reason "first service desk release"
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace
    from knowhow.workspace.release import ReleaseOrder

    with Workspace(workspace) as opened:
        made = opened.release(ReleaseOrder(run, strategy, reason, by, override))
    if as_json:
        print_json(made)
        return
    print(f"Made {made.id} from run {made.proof.run}: {_score(made)}.")
    print(f"Next: knowhow release promote {made.id} --reason ...")


@release.command("promote")
def promote(
    name: NameArgument,
    reason: ReasonOption,
    by: ByOption = "",
    alias: Annotated[str, typer.Option("--as", help="champion or challenger.")] = "champion",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Let a release answer (champion), or name it as the one that is tried against it (challenger)."""
    from knowhow.workspace import Workspace
    from knowhow.workspace.release import current_person

    with Workspace(workspace) as opened:
        event = opened.promote(name, by=by or current_person(), reason=reason, alias=alias)
    _show_move(event, as_json)


@release.command("rollback")
def rollback(
    reason: ReasonOption,
    to: Annotated[str, typer.Option("--to", help="An earlier champion; without it the one before.")] = "",
    by: ByOption = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Let the champion before this one answer again: one pointer moves, a running server follows by itself."""
    from knowhow.workspace import Workspace
    from knowhow.workspace.release import current_person

    with Workspace(workspace) as opened:
        event = opened.releases.rollback(by=by or current_person(), reason=reason, to=to)
    _show_move(event, as_json)


@release.command("list")
def list_releases(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List the releases with their proof, and the log of who moved what and why."""
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        catalog = opened.releases
        releases, standing, events = catalog.releases(), catalog.standing(), catalog.events()
    if as_json:
        print_json({"releases": releases, "standing": standing, "events": events})
        return
    if not releases:
        print(
            "There is no release yet. Make one with: knowhow release create RUN --strategy NAME --reason ..."
        )
        return
    for item in releases:
        print(f"{item.id}{_alias(item, standing)}  {_score(item)}, run {item.proof.run}")
    print("\nLog:")
    for event in events:
        print(f"  {event.number}. {event.time} {event.by}: {_describe(event)}")


@release.command("show")
def show(name: NameArgument, workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Show everything that a release pins, its proof and its history."""
    from knowhow.cli.output import print_json, to_plain
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        item = opened.releases.get(name)
        events = [event for event in opened.releases.events() if event.release == item.id]
    if as_json:
        print_json({"release": item, "events": events})
        return
    for key, value in to_plain(item).items():
        print(f"{key}: {value}")
    for event in events:
        print(f"{event.time} {event.by}: {_describe(event)}")


@release.command("diff")
def diff(
    before: NameArgument,
    after: NameArgument,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two releases."""
    from knowhow.cli.output import print_json
    from knowhow.releases.release import compare_releases
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        changes = compare_releases(opened.releases.get(before), opened.releases.get(after))
    if as_json:
        print_json(changes)
        return
    for change in changes:
        print(f"{change.key}\n  - {change.before}\n  + {change.after}")


@release.command("export")
def export(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="The tar archive to write.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write a release as one archive, to be imported elsewhere."""
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        item = opened.releases.export(name, file)
        opened.audit.record("exported", item.id, file=file.name)
    print(f"Wrote {item.id} to {file}.")


@release.command("mlflow")
def mlflow(
    name: NameArgument,
    target: Annotated[str, typer.Argument(help="A folder, or the address of a tracking server.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Log a release as a run in MLflow: options, proof and archive; one that is there already is not logged again.

    Example: knowhow release mlflow champion ./mlruns
    """
    from knowhow.workspace import Workspace
    from knowhow.workspace.mlflow import export_to_mlflow

    with Workspace(workspace) as opened:
        print(f"Logged as run {export_to_mlflow(opened.settings, name, target)}.")


@release.command("import")
def import_archive(
    file: Annotated[Path, typer.Argument(help="A tar archive that `knowhow release export` wrote.")],
    reason: ReasonOption,
    by: ByOption = "",
    workspace: WorkspaceOption = HERE,
) -> None:
    """Take a release in from an archive, every path, size and digest checked; it answers only after promote."""
    from knowhow.errors import NotFoundError
    from knowhow.workspace import Workspace
    from knowhow.workspace.release import current_person

    if not file.is_file():
        raise NotFoundError(f"There is no file {file}. Correct the path.")
    with Workspace(workspace) as opened:
        item = opened.releases.take_archive(file, by=by or current_person(), reason=reason)
    print(f"Took in {item.id}. Next: knowhow release promote {item.id} --reason ...")


def _show_move(event: Event, as_json: bool) -> None:
    from knowhow.cli.output import print_json

    if as_json:
        print_json(event)
        return
    print(f"{_describe(event)} (line {event.number} of the log)")


def _describe(event: Event) -> str:
    what = f"{event.kind.replace('_', ' ')} {event.release}"
    what += f" as {event.alias}" if event.alias else ""
    what += f" instead of {event.previous}" if event.previous else ""
    return f"{what}: {event.reason}" + (f" [override: {event.override}]" if event.override else "")


def _alias(item: Release, standing: Standing) -> str:
    names = {standing.champion: "champion", standing.challenger: "challenger"}
    return f" ({names[item.id]})" if item.id in names else ""


def _score(item: Release) -> str:
    proof = item.proof
    text = (
        f"{proof.metric} {proof.value:.3f} [{proof.low:.3f}, {proof.high:.3f}] on {proof.questions} questions"
    )
    return text + (f", override: {item.override}" if item.override else "")
