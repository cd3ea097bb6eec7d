"""Gold evidence: which chunks an example's evidence points at, for the diagnostic oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowhow.language import words
from knowhow.types import Chunk, Evidence, Example, Hit, Query


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
    by_document: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        by_document[chunk.document_id].append(chunk)
    names = _names(by_document)
    found: dict[str, list[Chunk]] = {}
    for example in examples:
        gold = [
            chunk
            for evidence in example.evidence
            for chunk in _chunks_of(evidence, example, names, by_document)
        ]
        found[example.question] = list({chunk.id: chunk for chunk in gold}.values())
    return GoldRetriever(found)


def _names(by_document: Mapping[str, list[Chunk]]) -> dict[str, str]:
    """Every name by which evidence may call a document: its id, its source, and the record id behind '#'."""
    names: dict[str, str] = {}
    for document_id, chunks in by_document.items():
        for name in (document_id.rpartition("#")[2], chunks[0].source, document_id):
            names[name] = document_id
    return names


def _chunks_of(
    evidence: Evidence, example: Example, names: Mapping[str, str], by_document: Mapping[str, list[Chunk]]
) -> list[Chunk]:
    chunks = by_document.get(names.get(evidence.document, ""), [])
    if not chunks and evidence.quote and not evidence.document:
        chunks = [chunk for group in by_document.values() for chunk in group]
    quote = _flat(evidence.quote)
    if quote:
        holding = [chunk for chunk in chunks if quote in _flat(chunk.text)]
        if holding:
            return holding
    wanted = set(words(" ".join([example.question, evidence.quote, *example.references])))
    return sorted(chunks, key=lambda chunk: (-len(wanted & set(words(chunk.text))), chunk.start))


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
