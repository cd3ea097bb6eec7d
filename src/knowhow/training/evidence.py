"""Which chunks hold an example's evidence, and which retrieved chunks are safe to show as negatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from knowhow.language import words
from knowhow.types import Chunk, Evidence, Example, Hit


class EvidenceChunks:
    """Finds the chunks that an example's evidence points at, among `chunks`."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._by_document: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in chunks:
            self._by_document[chunk.document_id].append(chunk)
        self._names: dict[str, str] = {}
        for document_id, found in self._by_document.items():
            for name in (document_id.rpartition("#")[2], found[0].source, document_id):
                self._names[name] = document_id

    def find(self, example: Example) -> list[Chunk]:
        """Return one chunk per piece of evidence that can be found, in the order of the evidence, without repeats."""
        found = (self._chunk_of(item, example) for item in example.evidence)
        return list({chunk.id: chunk for chunk in found if chunk is not None}.values())

    def documents_of(self, example: Example) -> frozenset[str]:
        """Return the ids of the documents that the evidence names."""
        named = (self._names.get(item.document) for item in example.evidence)
        return frozenset(name for name in named if name is not None)

    def _chunk_of(self, evidence: Evidence, example: Example) -> Chunk | None:
        chunks = self._by_document.get(self._names.get(evidence.document, ""), [])
        for text in (evidence.quote, *example.references):
            flat = _flat(text)
            holding = [chunk for chunk in chunks if flat and flat in _flat(chunk.text)]
            if holding:
                return _nearest(example, evidence, holding)
        return _nearest(example, evidence, chunks) if chunks else None


def holds_answer(chunk: Chunk, example: Example) -> bool:
    """Say whether a chunk holds a reference or an evidence quote word for word (case and white space aside)."""
    text = f" {' '.join(words(chunk.text))} "
    wanted = (*example.references, *(item.quote for item in example.evidence))
    return any(f" {' '.join(words(item))} " in text for item in wanted if words(item))


def negatives(hits: Sequence[Hit], example: Example, gold: Iterable[Chunk]) -> list[Hit]:
    """Return the hits that neither are gold nor hold the answer: near the question and yet wrong."""
    golden = {chunk.id for chunk in gold}
    return [hit for hit in hits if hit.chunk.id not in golden and not holds_answer(hit.chunk, example)]


def _nearest(example: Example, evidence: Evidence, chunks: Sequence[Chunk]) -> Chunk:
    wanted = set(words(" ".join([example.question, evidence.quote, *example.references])))
    return min(chunks, key=lambda chunk: (-len(wanted & set(words(chunk.text))), chunk.start))


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
