"""Web pages: main content, without scripts, navigation and hidden text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, Part
from knowhow.corpus.encoding import declared_encoding, decode
from knowhow.corpus.markup import html_title, html_to_markdown
from knowhow.defence.hidden import Concealed
from knowhow.registry import register


@register("loader", "html")
@dataclass(frozen=True)
class HtmlLoader:
    """Reads a web page as Markdown; what a reader cannot see is left out."""

    suffixes: ClassVar[tuple[str, ...]] = (".html", ".htm", ".xhtml")
    version: ClassVar[int] = 3

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the page as one document."""
        source = decode(data, declared_encoding(data))
        concealed: list[Concealed] = []
        text = html_to_markdown(source, concealed)
        found = Content((Part(text),), html_title(source), is_markdown=True, concealed=tuple(concealed))
        return Loaded((found,))
