"""Patterns that a workspace adds in [privacy.patterns]: checked when they are read, and stopped when they run away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from knowhow.errors import ConfigError
from knowhow.privacy.spans import Recogniser, Span

TIME_LIMIT_SECONDS = 5.0
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_CHARACTERS = 1000


def compile_patterns(patterns: Mapping[str, str]) -> tuple[Recogniser, ...]:
    """Return a recogniser for each pattern by kind; ConfigError names the kind and what is wrong with its pattern.

    A group called `value` names what is personal in a match. A pattern that runs longer than `TIME_LIMIT_SECONDS` on one text stops
    the work with a ConfigError: text that was not searched to its end must not pass as clean.
    """
    return tuple(Recogniser(kind, _finder(kind, pattern)) for kind, pattern in patterns.items())


def _finder(kind: str, pattern: str) -> Callable[[str], Iterator[Span]]:
    compiled = _compile(kind, pattern)
    group = "value" if "value" in compiled.groupindex else 0

    def find(text: str) -> Iterator[Span]:
        try:
            for match in compiled.finditer(text, timeout=TIME_LIMIT_SECONDS):
                yield match.span(group)
        except TimeoutError:
            raise ConfigError(
                f"[privacy.patterns] {kind}: the pattern ran longer than {TIME_LIMIT_SECONDS:g} seconds on a text of {len(text)} "
                "characters and was stopped. Avoid repeated groups inside repeated groups, such as (a+)+."
            ) from None

    return find


def _compile(kind: str, pattern: str) -> Any:
    import regex

    if not _KIND.fullmatch(kind):
        raise ConfigError(
            f"[privacy.patterns] {kind!r} is not a name for a kind. Use lower-case letters, digits and underscores, such as employee_id."
        )
    if not isinstance(pattern, str) or not pattern or len(pattern) > _MOST_CHARACTERS:
        raise ConfigError(
            f"[privacy.patterns] {kind}: the pattern must be text of 1 to {_MOST_CHARACTERS} characters."
        )
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise ConfigError(
            f"[privacy.patterns] the pattern for '{kind}' is not a regular expression: {error}. Mend it; in TOML single quotes keep "
            r"backslashes as they are: 'EMP-\d{6}'."
        ) from error
    if compiled.search("") is not None:
        raise ConfigError(
            f"[privacy.patterns] the pattern for '{kind}' matches nothing at all, so it would match everywhere. Make at least one "
            "character obligatory."
        )
    return compiled
