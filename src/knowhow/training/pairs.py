"""Question -> evidence pairs with mined hard negatives: what a retriever is tuned on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow.evidence import EvidenceChunks, negatives
from knowhow.protocols import Retriever
from knowhow.storage import write_text
from knowhow.training.rows import check_training_examples, example_audiences, is_permitted
from knowhow.types import Chunk, Example, Query


@dataclass(frozen=True, slots=True)
class RetrieverPair:
    """A question, the chunk that answers it, and chunks that look as if they did."""

    example_id: str
    question: str
    positive: Chunk
    negatives: tuple[Chunk, ...]
    audiences: frozenset[frozenset[str]] = frozenset()

    @property
    def documents(self) -> tuple[str, ...]:
        """Every document touched, also by a negative."""
        return tuple(dict.fromkeys(chunk.document_id for chunk in (self.positive, *self.negatives)))


def build_pairs(
    examples: Sequence[Example],
    retriever: Retriever,
    chunks: Iterable[Chunk],
    *,
    negatives_per_pair: int = 3,
    candidates: int = 30,
    groups: frozenset[str] = frozenset(),
) -> list[RetrieverPair]:
    """Return one pair per answerable example with known evidence; negatives are the best-ranked chunks without the answer.

    Chunks of the gold document never serve as negatives: they are often right as well. Examples and passages that `groups` may not read
    are left out: anyone could probe an encoder that learned from them.
    """
    known = EvidenceChunks(chunks)
    usable = [
        (item, found[0])
        for item in examples
        if item.is_answerable
        and is_permitted(example_audiences(item), groups)
        and (found := [chunk for chunk in known.find(item) if not chunk.groups or chunk.groups & groups])
    ]
    check_training_examples([item for item, _ in usable])
    retrieved = retriever.retrieve([Query(item.question, item.groups) for item, _ in usable], candidates)
    pairs = []
    for (example, positive), hits in zip(usable, retrieved, strict=True):
        documents = known.documents_of(example)
        hard = [
            hit.chunk
            for hit in negatives(hits, example, [positive])
            if hit.chunk.document_id not in documents and (not hit.chunk.groups or hit.chunk.groups & groups)
        ][:negatives_per_pair]
        shown = {chunk.groups for chunk in (positive, *hard) if chunk.groups}
        audiences = example_audiences(example) | shown
        pairs.append(RetrieverPair(example.id, example.question, positive, tuple(hard), audiences))
    return pairs


def write_pairs(path: Path, pairs: Iterable[RetrieverPair]) -> None:
    """Replace a JSON-lines file with one pair per line."""
    rows = (
        {
            "query": pair.question,
            "positive": pair.positive.text,
            "negatives": [chunk.text for chunk in pair.negatives],
            "metadata": {"examples": [pair.example_id], "documents": list(pair.documents)},
        }
        for pair in pairs
    )
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows))
