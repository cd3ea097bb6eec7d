"""reStructuredText: headings made of underlines become Markdown headings, the rest stays as it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, Part
from knowhow.corpus.encoding import decode
from knowhow.registry import register

_UNDERLINE = re.compile(r"([=\-`:.'\"~^_*+#<>])\1{2,}\s*$")


@register("loader", "rst")
@dataclass(frozen=True)
class RstLoader:
    """Reads reStructuredText; heading levels follow the order in which the underline characters first occur."""

    suffixes: ClassVar[tuple[str, ...]] = (".rst",)
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the whole file as one document."""
        return Loaded((Content((Part(_mark_headings(decode(data))),), is_markdown=True),))


def _mark_headings(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    styles: list[str] = []
    kept: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        below = lines[position + 1] if position + 1 < len(lines) else ""
        mark = _UNDERLINE.match(below)
        if line.strip() and mark and not _UNDERLINE.match(line) and len(below.rstrip()) >= len(line.rstrip()):
            has_overline = bool(kept) and kept[-1].strip() == below.strip()
            if has_overline:
                kept.pop()
            style = mark[1] + ("o" if has_overline else "")
            if style not in styles:
                styles.append(style)
            kept += ["", f"{'#' * min(styles.index(style) + 1, 6)} {line.strip()}", ""]
            position += 2
        else:
            kept.append(line)
            position += 1
    return "\n".join(kept)
