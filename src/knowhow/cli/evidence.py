"""knowhow evidence: the published head-to-heads that the advice rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption


def evidence(
    like_mine: Annotated[
        bool, typer.Option("--like-mine", help="Order by likeness to the [goal] of this workspace.")
    ] = False,
    goal: Annotated[
        str, typer.Option(help="Only studies with this goal: knowledge, behaviour or both.")
    ] = "",
    changes: Annotated[str, typer.Option(help="static, slow, fast or mixed.")] = "",
    citations: Annotated[str, typer.Option(help="yes or no.")] = "",
    examples: Annotated[str, typer.Option(help="Number of clean examples.")] = "",
    probe: Annotated[str, typer.Option(help="Prompt-only score, 0 to 1.")] = "",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many comparisons to show.")] = 10,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """List published comparisons with their scores per arm, nearest to your case first.

    Example: knowhow evidence --like-mine --goal both --changes fast --citations yes
    """
    from knowhow.advisor.answers import Goal, default_answers, parse_answers
    from knowhow.advisor.evidence import find_nearest, load_evidence
    from knowhow.advisor.tables import print_evidence
    from knowhow.cli.output import console, print_json

    flags = {"goal": goal, "changes": changes, "citations": citations, "examples": examples, "probe": probe}
    given = {name: value for name, value in flags.items() if value}
    base = _goal_of(workspace) if like_mine else {}
    answers = parse_answers({**base, **given}, default_answers(), "evidence")
    found = load_evidence()
    cases = [case for case in found.cases if not goal or like_mine or case.answers.goal is Goal(answers.goal)]
    per_study = 1 if like_mine or not given else count
    nearest = find_nearest(answers, cases, count=count, per_study=per_study)
    if as_json:
        print_json(
            [
                {
                    "id": item.case.id,
                    "study": item.case.study,
                    "citation": found.studies[item.case.study].citation,
                    "description": found.studies[item.case.study].description,
                    "task": item.case.task,
                    "metric": item.case.metric,
                    "model": item.case.model,
                    "similarity": round(item.similarity, 3),
                    "arms": item.case.arms,
                    "acceptable": sorted(item.case.acceptable),
                }
                for item in nearest
            ]
        )
        return
    print_evidence(nearest, found, console())


def _goal_of(root: Path) -> dict[str, object]:
    from dataclasses import fields

    from knowhow.advisor.answers import Answers
    from knowhow.config import FILE_NAME, load_settings

    if not (root / FILE_NAME).is_file():
        return {}
    known = {item.name for item in fields(Answers)}
    return {key: value for key, value in load_settings(root).goal.items() if key in known}
