"""The form an answer has, told from its structure alone: JSON with certain keys, headed sections, a list, code, one value or prose."""

from __future__ import annotations

import json
import re

from knowhow.language import words

_SECTION = re.compile(
    r"^(?:#{1,6}\s+(.+)|【([^】\n]+)】|\*\*([^*\n]+)\*\*:?|([A-Z][\w ]{1,30}):)", re.MULTILINE
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)、])\s+", re.MULTILINE)
_SQL = re.compile(
    r"^\s*(?:select|with|insert|update|delete)\b.*\b(?:from|into|set)\b", re.IGNORECASE | re.DOTALL
)


def find_form(text: str) -> str:
    """Return a short name of the answer's form; equal names mean the same form."""
    stripped = text.strip()
    if stripped[:1] in {"{", "["}:
        try:
            value = json.loads(stripped)
        except json.JSONDecodeError:
            return "broken json"
        return f"json {','.join(sorted(value))}" if isinstance(value, dict) else "json list"
    if stripped.startswith("```"):
        return "code"
    if _SQL.match(stripped):
        return "sql"
    headings = [next(filter(None, match.groups())).strip() for match in _SECTION.finditer(stripped)]
    if headings and _SECTION.match(stripped):
        return f"sections {' / '.join(headings)}"
    if len(_BULLET.findall(stripped)) >= 2:
        return "list"
    return "text"


def describe_form(form: str) -> str:
    """Return the form's name as it reads in a sentence."""
    kind, _, detail = form.partition(" ")
    if form == "broken json":
        return "broken JSON"
    if form == "json list":
        return "a JSON list"
    if kind == "json":
        return f"JSON with {detail.replace(',', ', ')}" if detail else "an empty JSON object"
    if kind == "sections":
        return f"text under {detail}"
    return {"code": "a code block", "sql": "SQL", "list": "a bulleted list", "text": "plain text"}[form]


def is_short(text: str) -> bool:
    """Say whether an answer is a value rather than a statement: at most five words."""
    return len(words(text)) <= 5
