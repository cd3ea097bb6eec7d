"""knowhow traffic: how a challenger does against the champion, and ending its challenge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.traffic.challenge import Challenge

traffic = typer.Typer(no_args_is_help=True, help="How a challenger does against the champion.")


@traffic.command()
def show(
    workspace: WorkspaceOption = HERE,
    every: Annotated[bool, typer.Option("--all", help="Earlier challenges too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what the outcomes of the newest challenge say; looking never weakens the test.

    Example: knowhow release promote ID --alias challenger --reason "shorter prompt", share = 0.2 under [traffic], then knowhow serve
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace

    with Workspace(workspace) as opened:
        found = opened.challenges()[0 if every else -1 :]
        if as_json:
            print_json([{**_plain(item)} for item in found])
            return
        if not found:
            print(
                "There was no challenge yet. Set [traffic] share, then: knowhow release promote ID --alias challenger --reason WHY"
            )
        for item in found:
            _print(item)


@traffic.command()
def stop(
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the release log.")],
    by: Annotated[str, typer.Option("--by", help="Who; by default the present user.")] = "",
    workspace: WorkspaceOption = HERE,
) -> None:
    """End the running challenge and withdraw the challenger.

    Example: knowhow traffic stop --reason "answers are too long"
    """
    from knowhow.workspace import Workspace
    from knowhow.workspace.release import current_person
    from knowhow.workspace.traffic import stop_challenge

    with Workspace(workspace) as opened:
        ended = stop_challenge(opened.settings, by=by or current_person(), reason=reason)
        _print(ended)


def _plain(challenge: Challenge) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "id": challenge.id,
        **asdict(challenge.pairing),
        "state": challenge.state,
        "plan": asdict(challenge.plan),
        "ending": asdict(challenge.ending) if challenge.ending else None,
        "result": asdict(challenge.judge()),
    }


def _print(challenge: Challenge) -> None:
    from knowhow.traffic.trial import describe

    plan, result = challenge.plan, challenge.judge()
    how = "answers unseen beside" if plan.is_shadow else "challenges"
    print(f"{challenge.pairing.challenger} {how} {challenge.pairing.champion}: {challenge.state}")
    print(
        f"  since {challenge.opened}, {plan.share:.0%} of conversations, decided by {plan.metric} with error {plan.alpha:g}"
    )
    print(f"  {describe(result, plan)}")
    bound = 1 / plan.alpha
    print(
        f"  evidence for better {result.evidence:.2f}, for worse {result.counterevidence:.2f}; {bound:g} decides"
    )
    if challenge.ending is not None:
        print(f"  ended {challenge.ending.time}: {challenge.ending.reason}")
