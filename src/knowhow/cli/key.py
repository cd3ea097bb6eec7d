"""knowhow key: who may ask, review and administer over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from knowhow.cli.options import HERE, GroupsOption, JsonOption, WorkspaceOption, parse_groups

if TYPE_CHECKING:
    from pathlib import Path

    from knowhow.serving.keys import KeyStore

key = typer.Typer(help="API keys of the server: make, list, revoke.", no_args_is_help=True)


@key.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    role: Annotated[str, typer.Option("--role", help="user, reviewer or admin.")] = "user",
    groups: GroupsOption = "",
    workspace: WorkspaceOption = HERE,
) -> None:
    """Make a key and print it; it is shown this once, only its digest is kept."""
    from knowhow.workspace.release import current_person

    token = _store(workspace).create(name, role, parse_groups(groups), by=current_person())
    _record("key_made", name, workspace, role=role, groups=sorted(parse_groups(groups)))
    print(token)


@key.command("list")
def list_keys(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List who holds a key that works."""
    from knowhow.cli.output import print_json

    holders = _store(workspace).principals()
    if as_json:
        print_json(holders)
        return
    for holder in holders:
        print(
            f"{holder.id}  {holder.role:8}  {holder.name}  {', '.join(sorted(holder.groups)) or 'public documents'}"
        )
    if not holders:
        print(
            "There are no keys: only this machine can use the server. Make one with: knowhow key create NAME"
        )


@key.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Id or name of the key.")], workspace: WorkspaceOption = HERE
) -> None:
    """End a key; a running server refuses it at the next request."""
    from knowhow.workspace.release import current_person

    holder = _store(workspace).revoke(name, by=current_person())
    _record("key_revoked", holder.name, workspace, key=holder.id)
    print(f"Revoked the key {holder.id} of {holder.name}.")


def _record(kind: str, name: str, workspace: Path, **details: Any) -> None:
    from knowhow.config import load_settings
    from knowhow.workspace.audit import AuditLog

    AuditLog(load_settings(workspace)).record(kind, name, **details)


def _store(workspace: Path) -> KeyStore:
    from knowhow.config import load_settings
    from knowhow.serving.keys import KeyStore

    return KeyStore(load_settings(workspace).state / "serving" / "keys.jsonl")
