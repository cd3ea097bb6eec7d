"""A release: everything that decides how questions are answered, pinned by digest, with the measurement that proved it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from knowhow.errors import ConfigError, DataError, NotFoundError
from knowhow.registry import check_options
from knowhow.storage import digest_json

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LIVE = "live"
"""The one index policy there is: behaviour is pinned, knowledge follows the documents."""


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """One file that the strategy learned: its path under the fitted folder, digest and size."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison said: the run, the score of this strategy on the decisive metric, and which strategy was recommended."""

    run: str
    metric: str
    value: float
    low: float
    high: float
    questions: int
    recommended: str
    is_decided: bool
    headline: str
    index_version: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """One frozen strategy; `settings` are the pinned sections of knowhow.toml, `form` the resolved answer format.

    `base_model` and `embedder` are identities (digests) of the generator without adapter and of the embedder. `override` holds the
    reason given where the comparison did not recommend this strategy, and is empty otherwise. `audiences` are the group sets of what
    was learned from: only who holds a group of each is answered with it, everyone else by the untrained model.
    """

    id: str
    strategy: str
    seed: int
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    form: Mapping[str, Any]
    base_model: str
    embedder: str
    files: tuple[ReleasedFile, ...]
    proof: Proof
    trained_on: str
    created: str
    created_by: str
    reason: str
    override: str = ""
    index_policy: str = LIVE
    software: str = ""
    learns: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    audiences: tuple[tuple[str, ...], ...] = ()


_CIRCUMSTANCES = frozenset({"id", "created", "created_by", "reason", "override", "notes"})
"""What does not belong to the behaviour: the same behaviour proved by the same run has one id, whoever released it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two releases; None where the key is absent."""

    key: str
    before: Any
    after: Any


def name_release(release: Release) -> str:
    """Return the id that the content demands: the strategy's name and ten digits of the digest."""
    behaviour = {key: value for key, value in asdict(release).items() if key not in _CIRCUMSTANCES}
    if not release.audiences:
        # Releases that everyone may use keep the id they had before audiences were noted.
        del behaviour["audiences"]
    slug = re.sub(r"[^a-z0-9]+", "-", release.strategy.lower()).strip("-")[:40] or "release"
    return f"{slug}-{digest_json(behaviour)[:10]}"


def release_to_json(release: Release) -> dict[str, Any]:
    """Return a release as JSON values."""
    return asdict(release)


def release_from_json(value: Any, source: str) -> Release:
    """Read a release; DataError when a key is missing or wrong, or when its id does not follow from its content."""
    if not isinstance(value, Mapping):
        raise DataError("is not a release.", source=source, mend="Export the release again.")
    try:
        release = Release(**check_options(Release, value, source))
    except ConfigError as error:
        raise DataError(f"is not a release: {error}", source=source, mend="Export it again.") from None
    check_identifier(release.id)
    for file in release.files:
        check_path(file.path, source)
    if release.id != name_release(release):
        raise DataError(
            "was changed: its content does not give its id.", source=source, mend="Import it again."
        )
    return release


def check_identifier(name: str) -> str:
    """Return `name` when it can be the id of a release; NotFoundError otherwise, so that no path is ever made from it."""
    if not IDENTIFIER.fullmatch(name):
        raise NotFoundError(f"{name[:80]!r} is not the id of a release. List them with: knowhow release list")
    return name


def check_path(path: str, source: str) -> str:
    """Return a relative POSIX path of plain names; DataError for anything that could leave its folder."""
    parts = path.split("/")
    is_plain = all(
        part not in ("", ".", "..") and not any(ord(letter) < 32 or letter in '\\:*?"<>|' for letter in part)
        for part in parts
    )
    if not is_plain or len(path) > 255:
        raise DataError(f"holds the path {path[:120]!r}, which is not a plain relative path.", source=source)
    return path


def compare_releases(before: Release, after: Release) -> list[Change]:
    """Return every difference in content, keys flattened with dots, circumstances such as time and person included."""
    old, new = _flatten(asdict(before)), _flatten(asdict(after))
    return [
        Change(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def find_files(folder: Path) -> list[Path]:
    """Return the regular files under a folder in order; DataError for links, which could point anywhere."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise DataError("is a link; a release holds plain files only.", source=str(path))
        if path.is_file():
            found.append(path)
    return found


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        flat: dict[str, Any] = {}
        for key, item in value.items():
            flat.update(_flatten(item, f"{prefix}.{key}" if prefix else str(key)))
        return flat
    if prefix == "files":
        return {f"files.{item['path']}": item["sha256"] for item in value}
    return {prefix: list(value) if isinstance(value, tuple) else value}


assert {item.name for item in fields(Release)} >= _CIRCUMSTANCES
