"""Whether retrieval found an example's evidence."""

from __future__ import annotations

from collections.abc import Sequence

from knowhow.evaluation.duplicates import normalise
from knowhow.types import Evidence, Example, Hit


def is_evidence_found(example: Example, hits: Sequence[Hit]) -> bool | None:
    """Say whether any hit is from the example's evidence (its quote, where the document is not named); None without evidence."""
    if not example.evidence:
        return None
    return any(is_from_evidence(item, hit) for item in example.evidence for hit in hits)


def is_from_evidence(evidence: Evidence, hit: Hit) -> bool:
    """Say whether a hit's chunk comes from the named document (by id or path), or holds the quote where none is named."""
    chunk = hit.chunk
    if evidence.document:
        # A record of a file has an id such as file.jsonl#record; evidence may call it by the record alone.
        names = {chunk.document_id, chunk.source, chunk.document_id.rpartition("#")[2]}
        return evidence.document in names or chunk.source.endswith(f"/{evidence.document}")
    return bool(evidence.quote) and normalise(evidence.quote) in normalise(chunk.text)
