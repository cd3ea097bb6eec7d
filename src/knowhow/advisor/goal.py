"""The `[goal]` table of knowhow.toml: read it, write it without touching comments, and keep the history of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from knowhow.advisor.advice import Advice
from knowhow.advisor.answers import (
    Answers,
    Change,
    Latency,
    Sensitivity,
    WorkspaceFacts,
    describe_answers,
    parse_answers,
)
from knowhow.advisor.assumptions import FACT_RETRAININGS
from knowhow.advisor.costs import DAYS_PER_MONTH
from knowhow.advisor.history import keep_facts
from knowhow.errors import ConfigError
from knowhow.storage import append_lines, read_lines, write_text

DECIDED = ("outcome", "strategy", "decided")
_LATENCY_MS = {Latency.INTERACTIVE: 5_000, Latency.TIGHT: 1_000}


def read_goal(goal: Mapping[str, Any], base: Answers) -> Answers:
    """Return `base` with the answers that stand in `[goal]`; keys that others keep there are left alone."""
    known = {item.name for item in fields(Answers)}
    return parse_answers({key: value for key, value in goal.items() if key in known}, base)


def derive_limits(answers: Answers) -> dict[str, Any]:
    """Return the limits and the load that the measured comparison reads from `[goal]`, as far as the answers say them."""
    limits: dict[str, Any] = {}
    if answers.changes in (Change.SLOW, Change.FAST, Change.MIXED):
        limits["freshness"] = True
    if answers.changes is not Change.UNKNOWN:
        limits["updates_per_month"] = round(FACT_RETRAININGS[answers.changes], 2)
    for duty in (Sensitivity.PERMISSIONS, Sensitivity.ON_PREMISE):
        if duty in answers.sensitivity:
            limits[str(duty)] = True
    if answers.latency in _LATENCY_MS:
        limits["max_latency_ms"] = _LATENCY_MS[answers.latency]
    if answers.volume is not None:
        limits["questions_per_month"] = round(answers.volume * DAYS_PER_MONTH)
    return limits


def write_goal(path: Path, advice: Advice, *, day: str | None = None) -> None:
    """Put answers, outcome and limits into `[goal]` of an existing or new file, keeping every comment and all other keys.

    A limit that stands there with another value than the earlier answers give was set by hand, and stays. ConfigError when the file is
    not TOML.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    table = document.get("goal")
    if table is None:
        table = tomlkit.table()
        document["goal"] = table
    values = {
        **_describe(advice.answers),
        "outcome": str(advice.outcome),
        "strategy": advice.strategy,
        "decided": day or datetime.now(UTC).date().isoformat(),
    }
    earlier = _earlier_limits(table.unwrap(), advice.answers)
    for key, value in derive_limits(advice.answers).items():
        if key not in table or earlier.get(key) == table[key]:
            values[key] = value
    ours = {item.name for item in fields(Answers)} | set(DECIDED)
    ours |= {key for key, value in earlier.items() if table.get(key) == value}
    for key in [key for key in table if key in ours and key not in values]:
        del table[key]
    for key, value in values.items():
        if table.get(key) != value:
            table[key] = value
    write_text(path, tomlkit.dumps(document))


def _describe(answers: Answers) -> dict[str, Any]:
    """Answers as TOML values; `citations` is a yes-or-no limit for the comparison as well, so it is written as a boolean."""
    values = describe_answers(answers)
    if "citations" in values:
        values["citations"] = values["citations"] == "yes"
    return values


def _earlier_limits(goal: Mapping[str, Any], base: Answers) -> dict[str, Any]:
    if "outcome" not in goal:
        return {}
    return derive_limits(read_goal(goal, Answers(goal=base.goal)))


def record_decision(
    path: Path, advice: Advice, facts: WorkspaceFacts | None = None, *, moment: str | None = None
) -> None:
    """Append the decision to the workspace's history, with the facts seen at that moment."""
    append_lines(
        path,
        [
            {
                "moment": moment or datetime.now(UTC).isoformat(timespec="seconds"),
                "answers": describe_answers(advice.answers),
                "outcome": str(advice.outcome),
                "strategy": advice.strategy,
                "rule": advice.rule.name,
                "seen": keep_facts(facts) if facts else {},
            }
        ],
    )


def read_decisions(path: Path) -> list[dict[str, Any]]:
    """Return the decisions in order, oldest first; empty where there are none."""
    return list(read_lines(path))
