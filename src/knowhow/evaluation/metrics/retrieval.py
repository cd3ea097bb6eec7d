"""Retrieval: recall, reciprocal rank and nDCG of the hits behind an answer against the example's evidence.

What must be found is each piece of evidence: a document, or each sentence of a quote (so that a quote cut by a chunk border is
found when both chunks are). A hit counts at its rank once it brings a piece that no better hit brought.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.language import sentences
from knowhow.registry import register
from knowhow.types import Answer, Evidence, Example, Hit


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to be found: a document, or a sentence of a quote from it (`quote` normalised)."""

    document: str
    quote: str = ""


def pieces(evidence: Sequence[Evidence]) -> list[Piece]:
    """Return what must be found, without repetitions."""
    found: list[Piece] = []
    for item in evidence:
        quotes = [_fold(item.quote[start:end]) for start, end in sentences(item.quote)] or [""]
        found += [Piece(item.document, quote) for quote in quotes]
    return list(dict.fromkeys(found))


def holds(hit: Hit, piece: Piece) -> bool:
    """Say whether the hit is of the piece's document (by id or source) and contains its quote; without a document the quote decides."""
    chunk = hit.chunk
    if piece.document and piece.document not in (chunk.document_id, chunk.source):
        return False
    return piece.quote in _fold(chunk.text) if piece.quote else bool(piece.document)


def relevant_ranks(example: Example, answer: Answer, k: int = 0) -> list[int]:
    """Return for each piece that the first `k` hits (all for 0) bring the rank, from 1, of the hit that brings it first."""
    ranks = []
    for piece in pieces(example.evidence):
        hits = answer.hits[:k] if k else answer.hits
        rank = next((rank for rank, hit in enumerate(hits, 1) if holds(hit, piece)), None)
        ranks += [rank] if rank is not None else []
    return sorted(ranks)


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_unscored(example: Example) -> bool:
    return not example.is_answerable or not pieces(example.evidence)


@register("metric", "retrieval_recall")
@describe(MetricInfo(kind="retrieval", summary="Share of the evidence among the first k hits."))
@dataclass(frozen=True)
class RetrievalRecall:
    """Share of the pieces of evidence among the first `k` hits; 0 takes all hits that reached the prompt."""

    k: int = 0

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for a row without evidence or without an answer."""
        if _is_unscored(example):
            return None
        if answer.error is not None:
            return 0.0
        return len(relevant_ranks(example, answer, self.k)) / len(pieces(example.evidence))


@register("metric", "retrieval_mrr")
@describe(MetricInfo(kind="retrieval", summary="One over the rank of the first hit with evidence."))
@dataclass(frozen=True)
class RetrievalMrr:
    """Reciprocal rank of the first hit that holds evidence among the first `k` (0 takes all)."""

    k: int = 0

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for a row without evidence or without an answer."""
        if _is_unscored(example):
            return None
        ranks = relevant_ranks(example, answer, self.k) if answer.error is None else []
        return 1 / ranks[0] if ranks else 0.0


@register("metric", "retrieval_ndcg")
@describe(
    MetricInfo(kind="retrieval", summary="Discounted gain of the evidence found, against the ideal order.")
)
@dataclass(frozen=True)
class RetrievalNdcg:
    """Binary nDCG (Järvelin and Kekäläinen 2002) among the first `k` hits; several pieces in one hit count once."""

    k: int = 10

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; None for a row without evidence or without an answer."""
        if _is_unscored(example):
            return None
        if answer.error is not None:
            return 0.0
        found = relevant_ranks(example, answer, self.k)
        ranks = sorted(set(found))
        # Pieces that share a hit need no rank of their own in the ideal order either.
        ideal = len(pieces(example.evidence)) - (len(found) - len(ranks))
        ideal = min(ideal, self.k) if self.k else ideal
        best = sum(1 / math.log2(rank + 1) for rank in range(1, ideal + 1))
        return sum(1 / math.log2(rank + 1) for rank in ranks) / best
