"""Abstaining: recognising the agreed answer where the documents hold none, and judging evidence by its score."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from knowhow.formats import split_sections
from knowhow.generation.citations import remove_markers
from knowhow.language import words
from knowhow.types import Format, Hit

_NEAR = 0.8
"""Share of the agreed answer's words, in order of nothing, that an answer needs to count as it when it adds little else."""


def is_abstention(text: str, not_found: str, form: Format) -> bool:
    """Say whether `text` is the agreed not-found answer: word for word within it, or nearly the same words and few others."""
    said, agreed = _plain(text, form), _plain(not_found, form)
    if not agreed:
        return False
    if agreed in said:
        return True
    said_words, agreed_words = set(said.split()), set(agreed.split())
    shared = len(said_words & agreed_words)
    return shared >= _NEAR * len(agreed_words) and shared >= _NEAR * len(said_words)


def is_absent(hits: Sequence[Hit], threshold: float | None) -> bool:
    """Say whether the evidence counts as absent: no hits, or none as relevant as `threshold`."""
    if not hits:
        return True
    return threshold is not None and max(relevance(hit) for hit in hits) < threshold


def relevance(hit: Hit) -> float:
    """Return how relevant a hit is: the retriever's score, which is absolute (0 to 1) and not by rank, so one threshold serves all."""
    return hit.score


def _plain(text: str, form: Format) -> str:
    """Return the words of the last section (where the answer proper stands) or of the whole text."""
    sections = split_sections(text, form.sections)
    last = sections.get(form.sections[-1], "") if form.sections else ""
    return " ".join(words(remove_markers(unicodedata.normalize("NFKC", last or text))))
