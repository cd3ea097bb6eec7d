"""Markdown with optional front matter (YAML between ---, TOML between +++)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.encoding import decode
from knowhow.corpus.permissions import parse_statement
from knowhow.registry import register

_FRONT_MATTER = re.compile(r"\s*(---|\+\+\+)[ \t]*\n(.*?)(?:\n(?:\1|\.\.\.)[ \t]*(?:\n|\Z)|\Z)", re.DOTALL)
_CLOSED = re.compile(r"\n(?:---|\+\+\+|\.\.\.)[ \t]*(?:\n|\Z)")
_MENTIONS_GROUPS = re.compile(r"""^\s*["']?gr\w*s?["']?\s*[:=]""", re.MULTILINE | re.IGNORECASE)
_MAX_FRONT_MATTER = 64_000


@register("loader", "markdown")
@dataclass(frozen=True)
class MarkdownLoader:
    """Reads Markdown; front matter may state title, groups and metadata and is not part of the text."""

    suffixes: ClassVar[tuple[str, ...]] = (".md", ".markdown", ".mdown")
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the whole file as one document; LoadError when its front matter leaves the readers in doubt."""
        values, body = split_front_matter(decode(data).replace("\r\n", "\n").replace("\r", "\n"))
        stated = parse_statement(values, "front matter")
        return Loaded((Content((Part(body),), stated.title, "", stated.groups, stated.metadata, True),))


def split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    """Return (front matter values, body); a block that is no front matter stays in the body unless it speaks of groups."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    marker, block = found[1], found[2]
    is_closed = _CLOSED.search(text[found.start(1) + 3 : found.end()]) is not None
    values = _parse_block(marker, block) if is_closed and len(block) <= _MAX_FRONT_MATTER else None
    if values is not None:
        return values, text[found.end() :]
    head = block if is_closed else block.partition("\n\n")[0][:_MAX_FRONT_MATTER]
    if _MENTIONS_GROUPS.search(head):
        raise LoadError(
            "Its front matter speaks of groups but cannot be read.",
            mend="Mend the lines between the two markers; the document stays out of the index until then.",
            kind="groups",
        )
    return {}, text


def _parse_block(marker: str, block: str) -> Mapping[str, Any] | None:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Plain values only: an alias could unfold into gigabytes."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases are not allowed in front matter")
            return super().compose_node(parent, index)

    try:
        values = tomllib.loads(block) if marker == "+++" else yaml.load(block, Loader)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError):
        return None
    if values is None:
        return {}
    return values if isinstance(values, dict) else None
