"""Headings of a PDF without bookmarks: short lines set clearly larger than the body text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowhow.corpus.normalization import clean_line

_LARGER = 1.15
_MAX_LENGTH = 120
_MAX_SHARE = 0.4
_MAX_LEVELS = 4


@dataclass(frozen=True, slots=True)
class SizedLine:
    """A line of a page with the size of its first character, in points rounded to halves."""

    text: str
    size: float


def read_lines(text_page: Any) -> list[SizedLine]:
    """Return the lines of a pdfium text page with their font sizes."""
    import pypdfium2.raw as pdfium

    text = text_page.get_text_range()
    if len(text) != text_page.count_chars():
        # Characters beyond the basic plane count twice for pdfium; offsets would point at other characters.
        return []
    lines, position = [], 0
    for line in text.split("\n"):
        bare = line.strip()
        if bare:
            place = position + len(line) - len(line.lstrip())
            size = round(2 * pdfium.FPDFText_GetFontSize(text_page, place)) / 2
            lines.append(SizedLine(clean_line(bare), size))
        position += len(line) + 1
    return lines


def find_headings(pages: Mapping[int, Sequence[SizedLine]]) -> dict[int, list[tuple[int, str]]]:
    """Return (level from 0, heading) by page; nothing when so many lines are large that size says nothing."""
    lines = [line for page in pages.values() for line in page]
    weights: Counter[float] = Counter()
    for line in lines:
        weights[line.size] += len(line.text)
    if not weights:
        return {}
    body = weights.most_common(1)[0][0]
    found = {number: [line for line in page if _is_heading(line, body)] for number, page in pages.items()}
    total = sum(map(len, found.values()))
    if not total or total > _MAX_SHARE * len(lines):
        return {}
    sizes = sorted({line.size for page in found.values() for line in page}, reverse=True)
    levels = {size: min(rank, _MAX_LEVELS - 1) for rank, size in enumerate(sizes)}
    return {
        number: [(levels[line.size], line.text) for line in page] for number, page in found.items() if page
    }


def _is_heading(line: SizedLine, body: float) -> bool:
    letters = sum(character.isalpha() for character in line.text)
    return (
        line.size >= _LARGER * body
        and len(line.text) <= _MAX_LENGTH
        and letters >= 2
        and letters * 2 >= len(line.text)
        and line.text[-1] not in ".,;。，；"
    )
