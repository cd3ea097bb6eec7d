"""Candidates of any index: ranked without their text where the index can do that, else taken from its hits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from knowhow.protocols import Index, RankingIndex
from knowhow.types import Candidate, Chunk, Hit

if TYPE_CHECKING:
    from knowhow.protocols import Matrix


class Candidates:
    """One search over an index: rank by both kinds, then read the few chunks that are delivered."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._seen: dict[str, Chunk] = {}

    def rank_dense(self, vectors: Matrix, groups: Sequence[frozenset[str]], k: int) -> list[list[Candidate]]:
        """See Index.search_dense."""
        if isinstance(self._index, RankingIndex):
            return self._index.rank_dense(vectors, groups, k)
        return self._take(self._index.search_dense(vectors, groups, k))

    def rank_lexical(
        self, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Candidate]]:
        """See Index.search_lexical."""
        if isinstance(self._index, RankingIndex):
            return self._index.rank_lexical(texts, groups, k)
        return self._take(self._index.search_lexical(texts, groups, k))

    def read(self, ranked: Sequence[Sequence[Candidate]]) -> list[list[Hit]]:
        """Return candidates as hits; one whose chunk was deleted meanwhile is left out, which a new version of the index tells."""
        chunks = self._seen
        if isinstance(self._index, RankingIndex):
            chunks = self._index.fetch({item.chunk_id for items in ranked for item in items})
        return [
            [Hit(chunks[item.chunk_id], item.score, item.parts) for item in items if item.chunk_id in chunks]
            for items in ranked
        ]

    def _take(self, found: Sequence[Sequence[Hit]]) -> list[list[Candidate]]:
        self._seen |= {hit.chunk.id: hit.chunk for hits in found for hit in hits}
        return [[Candidate(hit.chunk.id, hit.score, hit.parts) for hit in hits] for hits in found]
