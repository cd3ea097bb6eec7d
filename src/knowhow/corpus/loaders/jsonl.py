"""JSON lines: one document per row with id, title, text, groups and metadata; other fields become readable lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.encoding import decode
from knowhow.corpus.normalization import clean_line
from knowhow.corpus.permissions import is_near_groups, parse_statement
from knowhow.registry import register

_OWN_KEYS = ("id", "title", "text", "groups", "metadata")
_MAX_TITLE = 100
_MEND = "Mend that row; the other rows are in the index."


@register("loader", "jsonl")
@dataclass(frozen=True)
class JsonLinesLoader:
    """Reads one document per row; a row without `text` is read as `Field: value` lines."""

    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    version: ClassVar[int] = 2

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the good rows as documents and the others as problems that name their line."""
        contents: dict[str, Content] = {}
        problems: list[LoadError] = []
        for number, line in enumerate(decode(data).removeprefix("\ufeff").split("\n"), start=1):
            if not line.strip():
                continue
            try:
                content = _read_row(line, number)
                if content.row in contents:
                    raise LoadError(f"The id '{content.row}' occurs twice.", mend=_MEND, kind="duplicate")
                contents[content.row] = content
            except LoadError as error:
                problems.append(
                    LoadError(
                        f"Line {number}: {error.reason}", mend=error.mend, kind=error.kind, row=f"{number}"
                    )
                )
        return Loaded(tuple(contents.values()), tuple(problems))


def _read_row(line: str, number: int) -> Content:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LoadError(f"This is not valid JSON ({error}).", mend=_MEND) from error
    if not isinstance(row, dict):
        raise LoadError("This is not a JSON object.", mend=_MEND)
    stated = parse_statement(
        {key: row[key] for key in row if key in ("title", "metadata") or is_near_groups(key)}, "row"
    )
    text = row.get("text")
    if text is None:
        text = _readable_lines(row)
    if not isinstance(text, str) or not text.strip():
        raise LoadError("The row holds no text.", mend="Give it a field 'text'. " + _MEND, kind="empty")
    identifier = row.get("id")
    key = clean_line(str(identifier)) if isinstance(identifier, (str, int)) else ""
    first_line = clean_line(text.partition("\n")[0])
    title = stated.title or ("" if "text" in row else first_line.partition(": ")[2][:_MAX_TITLE])
    return Content((Part(text),), title, key or str(number), stated.groups, stated.metadata)


def _readable_lines(row: Mapping[str, Any]) -> str:
    return "\n".join(
        f"{key.replace('_', ' ').capitalize()}: {value}"
        for key, value in row.items()
        if key not in _OWN_KEYS and isinstance(value, (str, int, float)) and str(value).strip()
    )
