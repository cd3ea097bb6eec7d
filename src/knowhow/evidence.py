"""Evidence: which documents and chunks an example's evidence points at; measuring, training and the oracle read it by this one rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from knowhow.language import words
from knowhow.types import Chunk, Evidence, Example, Hit


def name_documents(documents: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return every name that a document goes by (its id, its path, the record behind '#', its file name) with its id.

    `documents` are pairs of id and source. A name that two documents share leads to none of them, ids excepted.
    """
    found: dict[str, set[str]] = {}
    pairs = list(documents)
    for identifier, source in pairs:
        for name in {source, identifier.rpartition("#")[2], source.rpartition("/")[2]} - {""}:
            found.setdefault(name, set()).add(identifier)
    names = {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}
    return {**names, **{identifier: identifier for identifier, _ in pairs}}


def resolve_evidence(examples: Sequence[Example], names: Mapping[str, str]) -> list[Example]:
    """Return the examples with evidence named by document id where `names` knows it; unknown names stay as they are."""
    return [
        replace(
            example,
            evidence=tuple(
                replace(item, document=names.get(item.document, item.document)) for item in example.evidence
            ),
        )
        for example in examples
    ]


class EvidenceChunks:
    """Finds the chunks that an example's evidence points at, among `chunks`."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._by_document: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in chunks:
            self._by_document[chunk.document_id].append(chunk)
        self._names = name_documents((name, found[0].source) for name, found in self._by_document.items())
        self._flat: dict[str, str] = {}

    def find(self, example: Example) -> list[Chunk]:
        """Return the one best chunk per piece of evidence that can be found, in the order of the evidence, without repeats."""
        found = {}
        for item in example.evidence:
            chunks = self._candidates(item)
            holding = self._holding(item.quote, chunks)
            if holding or item.document:
                found.update({chunk.id: chunk for chunk in self._rank(item, example, holding or chunks)[:1]})
        return list(found.values())

    def find_all(self, example: Example) -> list[Chunk]:
        """Return every chunk of the evidence, best first: those that hold its quote, else all of the document's, nearest first."""
        found = {}
        for item in example.evidence:
            chunks = self._candidates(item)
            ranked = self._rank(item, example, self._holding(item.quote, chunks) or chunks)
            found.update({chunk.id: chunk for chunk in ranked if chunk.id not in found})
        return list(found.values())

    def documents_of(self, example: Example) -> frozenset[str]:
        """Return the ids of the documents that the evidence names."""
        named = (self._names.get(item.document) for item in example.evidence)
        return frozenset(name for name in named if name is not None)

    def _candidates(self, evidence: Evidence) -> list[Chunk]:
        """The named document's chunks; all chunks for a bare quote."""
        if evidence.quote and not evidence.document:
            return [chunk for found in self._by_document.values() for chunk in found]
        return self._by_document.get(self._names.get(evidence.document, ""), [])

    def _holding(self, text: str, chunks: Iterable[Chunk]) -> list[Chunk]:
        flat = _flatten(text)
        return [chunk for chunk in chunks if flat and flat in self._text(chunk)]

    def _rank(self, evidence: Evidence, example: Example, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Those that hold an answer word for word first, then by the words shared with question, quote and answers."""
        answering = {chunk.id for text in example.references for chunk in self._holding(text, chunks)}
        wanted = set(words(" ".join([example.question, evidence.quote, *example.references])))
        return sorted(
            chunks,
            key=lambda chunk: (
                chunk.id not in answering,
                -len(wanted & set(words(chunk.text))),
                chunk.document_id,
                chunk.start,
            ),
        )

    def _text(self, chunk: Chunk) -> str:
        if chunk.id not in self._flat:
            self._flat[chunk.id] = _flatten(chunk.text)
        return self._flat[chunk.id]


def holds_answer(chunk: Chunk, example: Example) -> bool:
    """Say whether a chunk holds a reference or an evidence quote word for word (case and white space aside)."""
    text = f" {' '.join(words(chunk.text))} "
    wanted = (*example.references, *(item.quote for item in example.evidence))
    return any(f" {' '.join(words(item))} " in text for item in wanted if words(item))


def negatives(hits: Sequence[Hit], example: Example, gold: Iterable[Chunk]) -> list[Hit]:
    """Return the hits that neither are gold nor hold the answer: near the question and yet wrong."""
    golden = {chunk.id for chunk in gold}
    return [hit for hit in hits if hit.chunk.id not in golden and not holds_answer(hit.chunk, example)]


def _flatten(text: str) -> str:
    return " ".join(text.casefold().split())
