"""The one function that text passes before it is kept, shown to a model or sent out: [privacy] as a callable.

Every finding is replaced by its kind in brackets (mask), by a pseudonym that is the same wherever the value stands (pseudonymise), or by
nothing (drop). The result is searched again until nothing is found, so that masking masked text changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from knowhow.config import PrivacySettings
from knowhow.errors import NotFoundError
from knowhow.privacy.custom import compile_patterns
from knowhow.privacy.recognisers import OPTIONAL_KINDS, PERSONAL_KINDS, find_personal_data
from knowhow.privacy.spans import PersonalData, Recogniser
from knowhow.privacy.vault import Vault, open_vault
from knowhow.storage import digest_json

VERSION = 2
"""Raised when recognisers find something else, so that documents are read again."""

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Masking:
    """[privacy] ready to use; a call returns the text without personal data."""

    settings: PrivacySettings
    recognisers: tuple[Recogniser, ...] = ()
    vault: Vault | None = field(default=None, compare=False)

    def __call__(self, text: str) -> str:
        """Return the text with every finding replaced as [privacy] says; ConfigError where a custom pattern runs away."""
        while found := self.find(text):
            text = self._replace(text, found)
        return text

    def find(self, text: str) -> list[PersonalData]:
        """Return what would be replaced, in order and disjoint; earlier replacements are never part of it."""
        protected = tuple(match.span() for match in self._replaced.finditer(text))
        return find_personal_data(
            text, self.settings.kinds, self.settings.patterns, self.recognisers, protected
        )

    def mask_value(self, value: Kept) -> Kept:
        """Return a value with every text inside it masked: mappings, sequences and dataclasses are gone through, keys stay."""
        return self._mask_value(value)  # type: ignore[no-any-return]

    def _mask_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self._mask_value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [self._mask_value(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value,
                **{
                    item.name: self._mask_value(getattr(value, item.name))
                    for item in fields(value)
                    if item.init
                },
            )
        return value

    @cached_property
    def identity(self) -> str:
        """Digest of everything that decides what a text becomes: documents are read again when it changes."""
        chosen = self.settings
        key = self.vault.fingerprint if self.vault is not None else ""
        patterns = sorted((kind, str(pattern)) for kind, pattern in chosen.patterns.items())
        return digest_json([VERSION, chosen.mode, list(chosen.kinds), chosen.names, patterns, key])

    @cached_property
    def _replaced(self) -> re.Pattern[str]:
        kinds = "|".join(map(re.escape, (*PERSONAL_KINDS, *OPTIONAL_KINDS, *self.settings.patterns)))
        return re.compile(rf"\[(?:{kinds})(?::[a-z2-7]{{16}})?\]")

    def _replace(self, text: str, found: Sequence[PersonalData]) -> str:
        if self.settings.mode == "drop":
            names = ["" for _ in found]
        elif self.vault is not None:
            names = [f"[{name}]" for name in self.vault.name([(item.kind, item.text) for item in found])]
        else:
            names = [f"[{item.kind}]" for item in found]
        parts, place = [], 0
        for item, name in zip(found, names, strict=True):
            parts += [text[place : item.start], name]
            place = item.end
        return "".join([*parts, text[place:]])


def build_masking(settings: PrivacySettings, vault: Path, root: Path) -> Masking | None:
    """Return the masking of a workspace, None where [privacy] mode is off.

    NotFoundError for an unknown kind, ConfigError for a bad pattern or a missing key, MissingDependencyError for a missing extra.
    """
    known = (*PERSONAL_KINDS, *OPTIONAL_KINDS, *settings.patterns)
    for kind in settings.kinds:
        if kind not in known:
            raise NotFoundError.unknown("kind of personal data in [privacy] kinds", kind, known)
    compile_patterns(settings.patterns)
    if settings.mode == "off":
        return None
    keyed = open_vault(vault, settings, root) if settings.mode == "pseudonymise" else None
    return Masking(settings, _further(settings), keyed)


def _further(settings: PrivacySettings) -> tuple[Recogniser, ...]:
    if settings.names == "anchored":
        return ()
    if settings.names == "presidio":
        from knowhow.privacy.presidio import build_presidio

        return build_presidio()
    from knowhow.privacy.trained import TRAINED

    return TRAINED
