"""knowhow doctor: what is there, what is missing, and which hosts could be contacted."""

from __future__ import annotations

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def doctor(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Say what is there, what is missing with the exact command, and which hosts the configuration could contact."""
    from knowhow.cli.output import print_json
    from knowhow.workspace.doctor import examine

    findings = examine(workspace)
    if as_json:
        print_json(findings)
        return
    for finding in findings:
        mark = {"ok": "ok ", "missing": "-- ", "wrong": "!! "}[finding.state]
        print(
            f"{mark} {finding.subject}: {finding.text}"
            + (f"  ->  {finding.command}" if finding.command else "")
        )
