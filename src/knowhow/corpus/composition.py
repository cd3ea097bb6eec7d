"""Join the parts of a document into one text, with exact regions: page and heading path of every stretch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from knowhow.corpus.content import Part
from knowhow.corpus.normalization import clean, clean_line
from knowhow.language import is_cjk
from knowhow.types import Region

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NO_SETEXT = re.compile(r"\s*(?:[-*+>|#]|\d+[.)]|$)")
_INLINE = re.compile(
    r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}|\\([\\`*_{}\[\]()#+.!|<>-])"
)
_MID_SENTENCE = re.compile(r"[^\W\d_][,;]?$|[,;、，]$")

Path = list[tuple[int, str]]


def compose(parts: Sequence[Part], is_markdown: bool) -> tuple[str, tuple[Region, ...]]:
    """Return the clean text of all parts and its regions in order; a region's offsets are code points of that text."""
    pieces: list[str] = []
    regions: list[Region] = []
    position, path = 0, Path()
    for part in parts:
        text = clean(part.text)
        if not text:
            continue
        if pieces:
            gap = _page_gap(pieces[-1], text) if part.page is not None else "\n\n"
            pieces.append(gap)
            position += len(gap)
        if part.heading is not None or not is_markdown:
            heading = tuple(clean_line(name) for name in part.heading or ())
            regions.append(Region(position, position + len(text), part.page, heading))
        else:
            for start, end, names in _sections(text, path):
                regions.append(Region(position + start, position + end, part.page, names))
        pieces.append(text)
        position += len(text)
    return "".join(pieces), tuple(regions)


def _page_gap(above: str, below: str) -> str:
    """Return what joins two pages: a sentence that goes on over the break stays one sentence."""
    if not _MID_SENTENCE.search(above):
        return "\n\n"
    if is_cjk(above[-1]) and is_cjk(below[0]):
        return ""
    return " " if below[0].islower() else "\n"


def find_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (offset of the line, level, name) of every Markdown heading outside fenced code."""
    fence, position, previous, previous_start = "", 0, "", 0
    for line in text.split("\n"):
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence):
                fence = ""
            line_kind = ""
        elif opening:
            fence, line_kind = opening[1], ""
        else:
            line_kind = line
            if found := _ATX.match(line):
                yield position, len(found[1]), plain_inline(found[2] or "")
                line_kind = ""
            elif (under := _SETEXT.match(line)) and not _NO_SETEXT.match(previous):
                yield previous_start, 1 if under[1][0] == "=" else 2, plain_inline(previous)
                line_kind = ""
        previous, previous_start = line_kind, position
        position += len(line) + 1


def plain_inline(text: str) -> str:
    """Return a line without Markdown's inline marks."""
    for _ in range(3):
        text = _INLINE.sub(lambda found: found[1] or found[2] or found[3] or "", text)
    return clean_line(text)


def first_heading(text: str) -> str:
    """Return the name of the first Markdown heading, or an empty string."""
    return next((name for _, _, name in find_headings(text) if name), "")


def _sections(text: str, path: Path) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield (start, end, heading path) of the stretches between headings; `path` is carried on to the next part."""
    start = 0
    for offset, level, name in find_headings(text):
        if offset > start and text[start:offset].strip():
            yield start, start + len(text[start:offset].rstrip()), tuple(item for _, item in path)
        while path and path[-1][0] >= level:
            path.pop()
        if name:
            path.append((level, name))
        start = offset
    if text[start:].strip():
        yield start, len(text), tuple(item for _, item in path)
