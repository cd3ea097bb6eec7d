"""Gold evidence: which chunks an example's evidence points at, for the diagnostic oracle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowhow.evidence import EvidenceChunks
from knowhow.types import Chunk, Example, Hit, Query


@dataclass(frozen=True)
class GoldRetriever:
    """Returns the gold chunks of known questions, best first, filtered by the asker's groups; nothing for other questions."""

    chunks_by_question: Mapping[str, Sequence[Chunk]]

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """Look the question text up; scores fall from 1 by rank."""
        return [
            [
                Hit(chunk, 1.0 / rank, {"gold": 1.0})
                for rank, chunk in enumerate(self._readable(query)[:k], start=1)
            ]
            for query in queries
        ]

    def _readable(self, query: Query) -> list[Chunk]:
        found = self.chunks_by_question.get(query.text, ())
        return [chunk for chunk in found if not chunk.groups or chunk.groups & query.groups]


def gold_retriever(examples: Iterable[Example], chunks: Iterable[Chunk]) -> GoldRetriever:
    """Bind every example's evidence to chunks: those that hold its quote, else the document's chunks nearest to question and answer."""
    evidence = EvidenceChunks(chunks)
    return GoldRetriever({example.question: evidence.find_all(example) for example in examples})
