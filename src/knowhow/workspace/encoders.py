"""Vectors of a tuned encoder: an index of their own beside the main one, brought in step with it at use."""

from __future__ import annotations

from collections import defaultdict

from knowhow.progress import progress
from knowhow.protocols import Embedder, Index
from knowhow.types import Chunk

_DOCUMENTS_PER_UPDATE = 64


def follow_index(source: Index, target: Index, encoder: Embedder) -> Index:
    """Embed with `encoder` whatever `target` lacks of `source`, drop what it no longer holds; return `target`."""
    from knowhow.passages import passage_text

    current = {record.id: record.digest for record in source.records()}
    known = {record.id: record.digest for record in target.records()}
    stale = [name for name, digest in current.items() if known.get(name) != digest]
    gone = sorted(known.keys() - current.keys())
    chunks: dict[str, list[Chunk]] = defaultdict(list)
    wanted = set(stale)
    for chunk in source.chunks() if stale else ():
        if chunk.document_id in wanted:
            chunks[chunk.document_id].append(chunk)
    with progress("Embed anew", len(stale), "documents") as bar:
        for start in range(0, len(stale), _DOCUMENTS_PER_UPDATE):
            names = stale[start : start + _DOCUMENTS_PER_UPDATE]
            batch = [chunk for name in names for chunk in chunks[name]]
            vectors = encoder.embed([passage_text(chunk) for chunk in batch])
            target.update([source.document(name) for name in names], batch, vectors)
            bar.advance(len(names))
    if gone:
        target.update([], [], encoder.embed([]), gone)
    return target
