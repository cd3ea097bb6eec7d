"""The trained recogniser as recognisers of single kinds: what it finds is shared, so that a text is tagged once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

from knowhow.privacy.spans import Recogniser, Span
from knowhow.privacy.tagger import KINDS, tag


@lru_cache(maxsize=4)
def _tagged(text: str) -> tuple[tuple[str, int, int], ...]:
    return tuple(tag(text))


def _find(kind: str, text: str) -> Iterator[Span]:
    return ((start, end) for found, start, end in _tagged(text) if found == kind)


TRAINED = tuple(Recogniser(kind, partial(_find, kind)) for kind in KINDS.values())
"""Names and addresses, and the kinds that are masked only when asked for: places, organisations, nationalities, titles, ages, dates."""
