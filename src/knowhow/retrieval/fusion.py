"""Dense and lexical hits of one query -> one ranking whose score is an absolute relevance from 0 to 1.

relevance = dense_share * cosine + (1 - dense_share) * coverage * (bm25 / best bm25) ** sharpness

Coverage is the share of the query's inverse document frequency that a chunk's terms cover, so, unlike rank fusion or scores scaled per query,
the result can be held against one threshold for all questions. The constants were chosen on training questions: docs/decisions/0002.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowhow.types import Hit

DENSE_SHARE = 0.7
SHARPNESS = 0.5
LEXICAL_SHARPNESS = 3.0
"""Without vectors BM25 alone must order the hits, so it counts for more beside coverage."""


def fuse(dense: Sequence[Hit], lexical: Sequence[Hit], k: int, candidates: int) -> list[Hit]:
    """Return the k chunks of highest relevance, ties by chunk id; both inputs are best first and at most `candidates` long.

    A chunk that is absent from a full dense list counts with that list's lowest cosine, which bounds its own from above.
    """
    floor = dense[-1].score if len(dense) >= candidates else 0.0
    cosines = {hit.chunk.id: hit.score for hit in dense}
    terms = _lexical_relevance(lexical, SHARPNESS)
    matched = {hit.chunk.id: hit for hit in lexical}
    fused = []
    for chunk_id, hit in {**{hit.chunk.id: hit for hit in dense}, **matched}.items():
        cosine = max(0.0, cosines.get(chunk_id, floor))
        score = DENSE_SHARE * cosine + (1 - DENSE_SHARE) * terms.get(chunk_id, 0.0)
        parts = dict(matched[chunk_id].parts) if chunk_id in matched else {"lexical": 0.0, "coverage": 0.0}
        if chunk_id in cosines:
            parts["dense"] = cosines[chunk_id]
        fused.append(Hit(hit.chunk, score, parts))
    return best(fused, k)


def rank_lexical(lexical: Sequence[Hit], k: int) -> list[Hit]:
    """Return the k chunks of highest relevance where only terms can tell."""
    terms = _lexical_relevance(lexical, LEXICAL_SHARPNESS)
    return best([Hit(hit.chunk, terms[hit.chunk.id], hit.parts) for hit in lexical], k)


def best(hits: Sequence[Hit], k: int) -> list[Hit]:
    """Return the k hits of highest score, ties by chunk id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id))[:k]


def _lexical_relevance(lexical: Sequence[Hit], sharpness: float) -> dict[str, float]:
    highest = max((hit.parts["lexical"] for hit in lexical), default=1.0)
    return {
        hit.chunk.id: hit.parts["coverage"] * (hit.parts["lexical"] / highest) ** sharpness for hit in lexical
    }
