"""Rerank wraps another retriever: it takes more candidates and blends a reranker's look at question and passage into their score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowhow.errors import BackendError
from knowhow.passages import passage_text
from knowhow.protocols import Reranker, Retriever
from knowhow.types import Hit, Query


@dataclass(frozen=True)
class RerankingRetriever:
    """Re-orders the first `candidates` hits of `inner`.

    A reranker scores from 0 to 1; its own `weight` (1 when it declares none) is the share of that in the new score.
    """

    inner: Retriever
    reranker: Reranker
    candidates: int = 20

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first; parts: rerank."""
        found = self.inner.retrieve(queries, max(k, self.candidates))
        passages = [[passage_text(hit.chunk) for hit in hits] for hits in found]
        scores = self.reranker.score([query.text for query in queries], passages)
        if [len(row) for row in scores] != [len(row) for row in passages]:
            raise BackendError("The reranker gave another number of scores than passages.", engine="reranker")
        weight = float(getattr(self.reranker, "weight", 1.0))
        return [
            _best([_blend(hit, score, weight) for hit, score in zip(hits, row, strict=True)], k)
            for hits, row in zip(found, scores, strict=True)
        ]


def _best(hits: Sequence[Hit], k: int) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[:k]


def _blend(hit: Hit, score: float, weight: float) -> Hit:
    return replace(hit, score=(1 - weight) * hit.score + weight * score, parts={**hit.parts, "rerank": score})
