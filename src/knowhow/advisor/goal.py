"""The `[goal]` table of knowhow.toml: read it, write it without touching comments, and keep the history of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from knowhow.advisor.advice import Advice
from knowhow.advisor.answers import Answers, describe_answers, parse_answers
from knowhow.errors import ConfigError
from knowhow.storage import append_lines, read_lines, write_text

DECIDED = ("outcome", "strategy", "decided")


def read_goal(goal: Mapping[str, Any], base: Answers) -> Answers:
    """Return `base` with the answers that stand in `[goal]`; keys that others keep there are left alone."""
    known = {item.name for item in fields(Answers)}
    return parse_answers({key: value for key, value in goal.items() if key in known}, base)


def write_goal(path: Path, advice: Advice, *, day: str | None = None) -> None:
    """Put the answers and the outcome into `[goal]` of an existing or new file, keeping every comment and all other keys.

    ConfigError when the file is not TOML.
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
        **describe_answers(advice.answers),
        "outcome": str(advice.outcome),
        "strategy": advice.strategy,
        "decided": day or datetime.now(UTC).date().isoformat(),
    }
    ours = {item.name for item in fields(Answers)} | set(DECIDED)
    for key in [key for key in table if key in ours and key not in values]:
        del table[key]
    for key, value in values.items():
        if table.get(key) != value:
            table[key] = value
    write_text(path, tomlkit.dumps(document))


def record_decision(path: Path, advice: Advice, *, moment: str | None = None) -> None:
    """Append the decision to the workspace's history."""
    append_lines(
        path,
        [
            {
                "moment": moment or datetime.now(UTC).isoformat(timespec="seconds"),
                "answers": describe_answers(advice.answers),
                "outcome": str(advice.outcome),
                "strategy": advice.strategy,
                "rule": advice.rule.name,
            }
        ],
    )


def read_decisions(path: Path) -> list[dict[str, Any]]:
    """Return the decisions in order, oldest first; empty where there are none."""
    return list(read_lines(path))
