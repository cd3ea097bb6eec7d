"""Globs over relative paths, as rules about folders use them."""

from __future__ import annotations

import re
from functools import lru_cache


def matches_glob(path: str, pattern: str) -> bool:
    """Say whether a relative path matches a glob: `*` within a name, `**` across folders, a bare folder means all below it."""
    return _glob_expression(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _glob_expression(pattern: str) -> re.Pattern[str]:
    pattern = pattern.removeprefix("./").rstrip("/")
    translated, position = "", 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            translated, position = translated + "(?:[^/]+/)*", position + 3
        elif pattern.startswith("**", position):
            translated, position = translated + ".*", position + 2
        elif pattern[position] == "*":
            translated, position = translated + "[^/]*", position + 1
        elif pattern[position] == "?":
            translated, position = translated + "[^/]", position + 1
        else:
            translated, position = translated + re.escape(pattern[position]), position + 1
    return re.compile(translated + "(?:/.*)?", re.DOTALL)
