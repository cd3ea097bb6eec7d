"""Relevance by hand."""

import pytest

from knowhow.retrieval.fusion import fuse, rank_lexical
from knowhow.types import Candidate


def dense(name: str, cosine: float) -> Candidate:
    return Candidate(name, cosine, {"dense": cosine})


def lexical(name: str, bm25: float, coverage: float) -> Candidate:
    return Candidate(name, bm25, {"lexical": bm25, "coverage": coverage})


def test_relevance_is_the_weighted_sum() -> None:
    hits = fuse([dense("a", 0.8), dense("b", 0.6)], [lexical("b", 9.0, 1.0), lexical("a", 2.25, 0.5)], 5, 100)
    assert [hit.chunk_id for hit in hits] == ["b", "a"]
    assert hits[0].score == pytest.approx(0.7 * 0.6 + 0.3 * 1.0)
    assert hits[1].score == pytest.approx(0.7 * 0.8 + 0.3 * 0.5 * 0.5)
    assert hits[0].parts == {"dense": 0.6, "lexical": 9.0, "coverage": 1.0}


def test_absent_from_a_full_dense_list_counts_with_its_lowest_cosine() -> None:
    hits = fuse([dense("a", 0.8), dense("b", 0.4)], [lexical("c", 5.0, 1.0)], 5, 2)
    assert {hit.chunk_id: round(hit.score, 6) for hit in hits} == {"a": 0.56, "b": 0.28, "c": 0.58}
    assert "dense" not in hits[0].parts


def test_negative_cosine_counts_as_none() -> None:
    hits = fuse([dense("a", -0.5)], [], 5, 100)
    assert hits[0].score == 0.0
    assert hits[0].parts["dense"] == -0.5


def test_ties_by_chunk_id_and_k() -> None:
    hits = fuse([dense(name, 0.5) for name in "dacb"], [], 3, 100)
    assert [hit.chunk_id for hit in hits] == ["a", "b", "c"]


def test_terms_alone() -> None:
    hits = rank_lexical([lexical("a", 8.0, 0.5), lexical("b", 4.0, 1.0)], 5)
    assert [(hit.chunk_id, hit.score) for hit in hits] == [("a", 0.5), ("b", 0.125)]


def test_nothing_found() -> None:
    assert fuse([], [], 5, 100) == []
    assert rank_lexical([], 5) == []
