"""Plain text in any encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, Part
from knowhow.corpus.encoding import decode
from knowhow.registry import register


@register("loader", "text")
@dataclass(frozen=True)
class TextLoader:
    """Reads plain text; blank lines separate paragraphs, no headings are guessed."""

    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".text", ".log")
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the whole file as one document."""
        return Loaded((Content((Part(decode(data)),)),))
