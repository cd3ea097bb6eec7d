"""Dense and lexical hits of one query -> one ranking whose score is an absolute relevance from 0 to 1.

relevance = dense_share * cosine + (1 - dense_share) * coverage * (bm25 / best bm25) ** sharpness

Coverage is the share of the query's inverse document frequency that a chunk's terms cover, so, unlike rank fusion or scores scaled per query,
the result can be held against one threshold for all questions. The constants were chosen on training questions: docs/decisions/0002.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowhow.types import Candidate

DENSE_SHARE = 0.7
SHARPNESS = 0.5
LEXICAL_SHARPNESS = 3.0
"""Without vectors BM25 alone must order the hits, so it counts for more beside coverage."""


def fuse(
    dense: Sequence[Candidate], lexical: Sequence[Candidate], k: int, candidates: int
) -> list[Candidate]:
    """Return the k chunks of highest relevance, ties by chunk id; both inputs are best first and at most `candidates` long.

    A chunk that is absent from a full dense list counts with that list's lowest cosine, which bounds its own from above.
    """
    floor = dense[-1].score if len(dense) >= candidates else 0.0
    terms = _lexical_relevance(lexical, SHARPNESS)
    near = {item.chunk_id: item for item in dense}
    matched = {item.chunk_id: item for item in lexical}
    scores = {}
    for name in near.keys() | matched.keys():
        cosine = max(0.0, near[name].score if name in near else floor)
        scores[name] = DENSE_SHARE * cosine + (1 - DENSE_SHARE) * terms.get(name, 0.0)
    return [
        Candidate(name, scores[name], _parts(near.get(name), matched.get(name)))
        for name in sorted(scores, key=lambda name: (-scores[name], name))[:k]
    ]


def rank_lexical(lexical: Sequence[Candidate], k: int) -> list[Candidate]:
    """Return the k chunks of highest relevance where only terms can tell."""
    terms = _lexical_relevance(lexical, LEXICAL_SHARPNESS)
    ranked = [Candidate(item.chunk_id, terms[item.chunk_id], item.parts) for item in lexical]
    return sorted(ranked, key=lambda item: (-item.score, item.chunk_id))[:k]


def _lexical_relevance(lexical: Sequence[Candidate], sharpness: float) -> dict[str, float]:
    highest = max((item.parts["lexical"] for item in lexical), default=1.0)
    return {
        item.chunk_id: item.parts["coverage"] * (item.parts["lexical"] / highest) ** sharpness
        for item in lexical
    }


def _parts(near: Candidate | None, matched: Candidate | None) -> dict[str, float]:
    terms = matched.parts if matched is not None else {"lexical": 0.0, "coverage": 0.0}
    return {**terms, **(near.parts if near is not None else {})}
