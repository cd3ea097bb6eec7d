"""Text as a cell of a spreadsheet: what a spreadsheet program would take for a formula is written so that it stays text."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?")
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "|", "%")


def escape_formula(text: str) -> str:
    """Return the text with an apostrophe in front where a program could run it as a formula; plain numbers stay numbers."""
    stripped = text.lstrip(" \u00a0\ufeff")
    if stripped.startswith(_STARTS) and not _NUMBER.fullmatch(stripped):
        return "'" + text
    return text
