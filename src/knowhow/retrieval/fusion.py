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
    terms = _lexical_relevance(lexical, SHARPNESS)
    near = {hit.chunk.id: hit for hit in dense}
    matched = {hit.chunk.id: hit for hit in lexical}
    scores = {}
    for name in near.keys() | matched.keys():
        cosine = max(0.0, near[name].score if name in near else floor)
        scores[name] = DENSE_SHARE * cosine + (1 - DENSE_SHARE) * terms.get(name, 0.0)
    return [
        Hit((near.get(name) or matched[name]).chunk, scores[name], _parts(near.get(name), matched.get(name)))
        for name in sorted(scores, key=lambda name: (-scores[name], name))[:k]
    ]


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


def _parts(near: Hit | None, matched: Hit | None) -> dict[str, float]:
    terms = matched.parts if matched is not None else {"lexical": 0.0, "coverage": 0.0}
    return {**terms, **(near.parts if near is not None else {})}
