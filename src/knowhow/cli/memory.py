"""knowhow audit memory: what a trained strategy gives away of what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, QuietOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.training.memorisation.audit import MemoryAudit


def memory(
    strategy: Annotated[str, typer.Argument(help="A trained strategy: finetuned, finetuned_rag or raft.")],
    canaries: Annotated[
        int, typer.Option("--canaries", min=1, max=20, help="Planted secrets of each of five kinds.")
    ] = 8,
    references: Annotated[
        int, typer.Option("--references", min=15, help="Other secrets that each one is ranked among.")
    ] = 128,
    rows: Annotated[
        int, typer.Option("--rows", min=8, help="Trained and unseen rows to probe, at most.")
    ] = 48,
    control: Annotated[
        bool,
        typer.Option(
            "--control/--no-control", help="Also overtrain an adapter, which must give secrets away."
        ),
    ] = True,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Plant secrets and try to get them out, tell trained rows from others, and look for repeated text; exit 3 when a gate closes.

    Trains two more adapters, so it takes about twice as long as training. Stopped, the same command goes on.

    Example: knowhow audit memory raft
    """
    from knowhow.cli.output import print_json, print_note
    from knowhow.errors import PolicyError
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace
    from knowhow.workspace.memory import MemoryOptions, audit_strategy

    set_quiet(quiet)
    with Workspace(workspace) as opened:
        options = MemoryOptions(canaries, references, rows, control)
        found, path = audit_strategy(opened.settings, strategy, options)
    if as_json:
        print_json(found)
    else:
        _show(found)
        print_note(f"\nKept in {path}")
    closed = [gate for gate in found.gates if not gate.is_open]
    if closed:
        raise PolicyError(" ".join(f"{gate.reason} {gate.mend}" for gate in closed))


def _show(found: MemoryAudit) -> None:
    masked = "masked" if found.is_masked else "not masked"
    print(f"Planted secrets, {masked}: extracted of planted, exposure in bits (mean, highest; controls)")
    for kind in found.kinds:
        print(
            f"  {kind.kind:<10} {kind.extracted:>3} of {kind.planted:<3} {kind.exposure:>6.2f} {kind.highest:>6.2f}; "
            f"{kind.control_exposure:.2f}"
        )
    print(f"  in questions only: {found.in_prompts[0]} of {found.in_prompts[1]} extracted")
    for gate in found.gates:
        status = "passed" if gate.passed else "closed" if not gate.is_open else "reported"
        print(f"\n{gate.name}: {status}. {gate.reason}")
