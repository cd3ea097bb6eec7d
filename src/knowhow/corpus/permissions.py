"""Who may read a document: the file's own statement, its sidecar and the folder rules, each of which can only narrow.

The readers of a document are the groups that every statement allows. Nothing stated means that everyone may read it. A
statement that cannot be understood, or statements that leave nobody, keep the document out of the index: access fails closed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from knowhow.config import GroupRule
from knowhow.corpus.content import LoadError
from knowhow.globs import matches_glob

SIDECAR_SUFFIX = ".meta.toml"
_SIDECAR_KEYS = ("groups", "title", "metadata")
_NAME = re.compile(r"[^\s,;|\x00-\x1f\x7f](?:[^,;|\x00-\x1f\x7f]*[^\s,;|\x00-\x1f\x7f])?")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sidecar or front matter says about a document; `groups` None means that it says nothing about readers."""

    groups: frozenset[str] | None = None
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def parse_groups(value: Any, place: str) -> frozenset[str]:
    """Return the groups of a `groups` value: a name or a list of names; LoadError for anything else, also an empty list."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names:
        raise _malformed(place, value)
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _malformed(place, value)
    return frozenset(names)


def parse_statement(values: Mapping[str, Any], place: str) -> Statement:
    """Return the statement in front matter, where other keys are metadata; a near miss of `groups` is a LoadError."""
    groups = None
    metadata: dict[str, str] = {}
    for key, value in values.items():
        name = str(key)
        if name == "groups":
            groups = parse_groups(value, place)
        elif is_near_groups(name):
            raise LoadError(
                f"The {place} has the key '{name}', which looks like 'groups' but is not.",
                mend="Write the key as groups: the document stays out of the index until its readers are certain.",
                kind="groups",
            )
        elif name not in ("title", "metadata") and isinstance(value, (str, int, float, bool)):
            metadata[name] = str(value)
    nested = values.get("metadata")
    if isinstance(nested, Mapping):
        metadata |= {str(key): str(value) for key, value in nested.items()}
    title = values.get("title")
    return Statement(groups, str(title) if isinstance(title, (str, int, float)) else "", metadata)


def is_near_groups(key: str) -> bool:
    """Say whether a key is `groups` or was probably meant to be."""
    return bool(get_close_matches(key.strip().lower(), ["groups"], cutoff=0.8))


def parse_sidecar(data: bytes) -> Statement:
    """Return the statement of a sidecar file; LoadError when it is not TOML or has an unknown key."""
    try:
        values = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LoadError(
            f"Its sidecar file is not valid TOML: {error}.",
            mend=f"Mend the {SIDECAR_SUFFIX} file; the document stays out of the index until then.",
            kind="groups",
        ) from error
    for key in values:
        if key not in _SIDECAR_KEYS:
            raise LoadError(
                f"Its sidecar file has an unknown key '{key}'.",
                mend=f"Known keys: {', '.join(_SIDECAR_KEYS)}. The document stays out of the index until then.",
                kind="groups",
            )
    return parse_statement(values, "sidecar file")


def rule_groups(path: str, rules: Sequence[GroupRule]) -> list[frozenset[str]]:
    """Return the groups of every folder rule whose glob matches `path` (relative, with slashes)."""
    return [
        parse_groups(list(rule.groups), f"rule for {rule.path}")
        for rule in rules
        if matches_glob(path, rule.path)
    ]


def combine_groups(statements: Iterable[frozenset[str] | None]) -> frozenset[str]:
    """Return the groups that every statement allows; empty (everyone) only if nothing is stated, LoadError if nobody is left."""
    stated = [groups for groups in statements if groups is not None]
    if not stated:
        return frozenset()
    allowed = frozenset.intersection(*stated)
    if not allowed:
        raise LoadError(
            "Its permissions contradict each other: "
            + " against ".join(", ".join(sorted(groups)) for groups in stated)
            + " leaves no reader.",
            mend="Sidecar, front matter and folder rules can only narrow each other: name a common group in all of them.",
            kind="groups",
        )
    return allowed


def _malformed(place: str, value: Any) -> LoadError:
    return LoadError(
        f"The {place} has malformed groups: {value!r}.",
        mend='Write a list of names such as ["staff", "legal"]; for a document that everyone may read leave groups out. '
        "The document stays out of the index until then.",
        kind="groups",
    )
