"""Answers and documents cut for showing: markers that link to sources, passages highlighted on their page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from knowhow.types import Answer, Chunk, Citation, Document

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an answer: plain text, or the marker of source `number`."""

    text: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a document (None where it has no pages): the text before, in and after the passage."""

    page: int | None
    before: str
    passage: str
    after: str


def split_answer(answer: Answer) -> list[Piece]:
    """Cut an answer at the markers of its citations, so that a page can link them; other text stays text."""
    known = {citation.number for citation in answer.citations}
    pieces, done = [], 0
    for match in _MARKER.finditer(answer.text):
        if int(match[1]) in known:
            pieces += [Piece(answer.text[done : match.start()]), Piece(match[0], int(match[1]))]
            done = match.end()
    return [piece for piece in (*pieces, Piece(answer.text[done:])) if piece.text]


def link_passage(place: Citation | Chunk) -> str:
    """Return the address of the page that shows a citation or a passage highlighted in its document."""
    span = urlencode({"start": place.start, "end": place.end})
    return f"/documents/{quote(place.document_id)}?{span}#passage"


def cut_passage(document: Document, start: int, end: int) -> list[Leaf]:
    """Return the document page by page with characters `start` to `end` as passage; an impossible span highlights nothing."""
    if not 0 <= start < end <= len(document.text):
        start = end = 0
    return [
        Leaf(
            page,
            document.text[low : max(low, min(start, high))] if end > low else "",
            document.text[max(low, start) : min(high, end)],
            document.text[max(low, min(end, high)) : high],
        )
        for page, low, high in _pages(document)
    ]


def _pages(document: Document) -> Iterator[tuple[int | None, int, int]]:
    """Yield (page, start, end) so that the stretches cover the whole text."""
    starts: list[tuple[int | None, int]] = [(None, 0)]
    for region in document.regions:
        if region.page is not None and region.page != starts[-1][0]:
            if starts[-1][0] is None:
                starts = [(region.page, 0)]
            else:
                starts.append((region.page, region.start))
    ends = [start for _, start in starts[1:]] + [len(document.text)]
    for (page, start), end in zip(starts, ends, strict=True):
        yield page, start, end
