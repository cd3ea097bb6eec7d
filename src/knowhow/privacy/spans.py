"""A found span of personal data, and the text that recognisers read: one character for one, so that offsets hold.

Full-width letters, digits of any script, and the many dashes and blanks are made plain ASCII before anything is searched.
"""

from __future__ import annotations

import sys
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

Span = tuple[int, int]
FindSpans = Callable[[str], Iterable[Span]]

_DASHES = "‐‑‒–—―−﹣－ー"
_BLANKS = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u200b\u2060\ufeff\u00ad"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A found span of personal data: `text[start:end]` is of `kind`."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Finds spans of one kind in narrowed text; the spans may overlap those of other recognisers."""

    kind: str
    find: FindSpans


@cache
def _narrowing() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；！？"}
    for code in range(0x80, sys.maxunicode + 1):
        if unicodedata.category(chr(code)) == "Nd":
            table[code] = str(unicodedata.digit(chr(code)))
    table |= {ord(dash): "-" for dash in _DASHES}
    table |= {ord(blank): " " for blank in _BLANKS}
    return table


def narrow(text: str) -> str:
    """Return the text with full-width forms, foreign digits, dashes and blanks made ASCII; its length stays the same."""
    return text if text.isascii() else text.translate(_narrowing())


class Taken:
    """Spans found so far, ordered and disjoint: the first to claim a place keeps it."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, str]] = []

    def add(self, kind: str, start: int, end: int) -> bool:
        """Claim a span; False where it is empty or overlaps one that is already there."""
        if start >= end:
            return False
        place = bisect_left(self._spans, (start,))
        if place and self._spans[place - 1][1] > start:
            return False
        if place < len(self._spans) and self._spans[place][0] < end:
            return False
        self._spans.insert(place, (start, end, kind))
        return True

    def add_rest(self, kind: str, start: int, end: int, text: str) -> None:
        """Claim what is still free of a span, without blanks and signs at the edges of the pieces; neighbours of the kind become one."""
        inside = [span for span in self._spans if span[0] < end and start < span[1]]
        edges = [start, *(edge for span in inside for edge in span[:2]), end]
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            while first < last and not _is_word(text[first]):
                first += 1
            while first < last and not _is_word(text[last - 1]):
                last -= 1
            if first < last:
                self.add(kind, first, last)
                self._join(kind, first, text)

    def _join(self, kind: str, start: int, text: str) -> None:
        place = bisect_left(self._spans, (start,))
        for left in (place, place - 1):
            if 0 <= left < len(self._spans) - 1:
                (first, end, one), (begin, last, other) = self._spans[left : left + 2]
                if one == other == kind and not text[end:begin].strip(" ,\n"):
                    self._spans[left : left + 2] = [(first, last, kind)]

    def __iter__(self) -> Iterator[tuple[int, int, str]]:
        return iter(self._spans)


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "#)"
