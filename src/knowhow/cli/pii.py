"""knowhow pii: what personal data the documents and examples hold, and the key behind pseudonyms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.workspace.personal_data_review import PersonalDataReview

_FILES_SHOWN = 10

pii = typer.Typer(
    help="Find personal data before anything is kept of it, and lead pseudonyms back.",
    invoke_without_command=True,
)


@pii.callback()
def review(
    context: typer.Context,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="How many samples to show of each kind.")
    ] = 3,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 3 where there are findings and [privacy] mode is off.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Count personal data in documents and examples as they lie on the disk; samples show none of it.

    Example: knowhow pii
    """
    if context.invoked_subcommand is not None:
        return
    from knowhow.cli.output import print_json
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        found = opened.review_personal_data(samples=samples)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if gate and found.total and found.mode == "off":
        raise typer.Exit(3)


@pii.command("key")
def key(path: Annotated[Path, typer.Argument(help="The file to make; only its owner may read it.")]) -> None:
    """Make a key for pseudonyms and their vault.

    Example: knowhow pii key ~/knowhow.key
    """
    from knowhow.cli.output import print_note
    from knowhow.privacy.vault import KEY_VARIABLE, write_key

    write_key(path)
    print(path)
    print_note(
        f"Set [privacy] key_file to this path, or {KEY_VARIABLE} to its content. Without the key pseudonyms lead nowhere: keep a copy."
    )


@pii.command("reveal")
def reveal(
    texts: Annotated[list[str], typer.Argument(help="Pseudonyms, or texts that hold some; - reads stdin.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Replace pseudonyms by what they stand for; needs the key.

    Example: knowhow pii reveal "[email:k3c7b2m5q6r7s2t4]"
    """
    import sys

    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        for text in texts:
            print(opened.reveal(sys.stdin.read().rstrip("\n") if text == "-" else text))


def _show(found: PersonalDataReview) -> None:
    print(
        f"{found.documents} documents and {found.examples} examples searched ({found.characters / 1e6:.1f} million characters); "
        f"[privacy] mode is {found.mode}."
    )
    if not found.findings:
        print("Nothing was found. That is no proof that there is nothing: see docs/how-to/personal-data.md.")
    for item in found.findings:
        print(f"\n{item.kind}: {item.count} in {item.sources} {'source' if item.sources == 1 else 'sources'}")
        for sample in item.samples:
            print(f"  {sample.source}: {sample.outline}\n      {sample.context}")
    if found.file_names:
        print("\nNames of files are kept as they are, and these hold personal data. Rename them:")
        for name in found.file_names[:_FILES_SHOWN]:
            print(f"  {name}")
        if len(found.file_names) > _FILES_SHOWN:
            print(f"  and {len(found.file_names) - _FILES_SHOWN} more (all with --json)")
    for problem in found.problems:
        print(f"\nNot searched: {problem.source}: {problem.reason}")
    if found.findings and found.mode == "off":
        print(
            '\nNothing is masked. To mask it everywhere, set [privacy] mode = "mask" and run: knowhow ingest'
        )
