"""The exact scan: neither order nor bits of a score depend on the rows beside it."""

import numpy as np
import pytest

from knowhow.retrieval.engine.permissions import make_readable
from knowhow.retrieval.engine.vectors import Matrix, normalise, search_vectors


def unit_rows(count: int, seed: int) -> np.ndarray:
    return normalise(np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("queries", [1, 5, 70])
def test_scores_equal_bit_by_bit_those_of_the_readable_rows_alone(share: float, queries: int) -> None:
    matrix, vectors = unit_rows(1501, 1), unit_rows(queries, 2)
    audiences = (np.random.default_rng(3).random(1501) > share).astype(np.int32)
    readable = make_readable(audiences, np.ones(1501, dtype=np.bool_), frozenset({0}))
    alone = np.ascontiguousarray(matrix[readable.rows])
    everything = make_readable(
        np.zeros(len(alone), dtype=np.int32), np.ones(len(alone), dtype=np.bool_), frozenset({0})
    )
    ids = [f"{row:05}" for row in range(1501)]
    own = [ids[row] for row in readable.rows]
    whole = search_vectors(matrix, vectors, [readable] * queries, ids, 10)
    clean = search_vectors(alone, vectors, [everything] * queries, own, 10)
    for hits, expected in zip(whole, clean, strict=True):
        assert [(ids[row], score) for row, score in hits] == [(own[row], score) for row, score in expected]


def test_top_k_equals_a_full_sort() -> None:
    matrix, vectors = unit_rows(800, 4), unit_rows(3, 5)
    readable = make_readable(np.zeros(800, dtype=np.int32), np.ones(800, dtype=np.bool_), frozenset({0}))
    found = search_vectors(matrix, vectors, [readable] * 3, [f"{row:03}" for row in range(800)], 25)
    for hits, vector in zip(found, vectors, strict=True):
        exact = matrix.astype(np.float64) @ vector.astype(np.float64)
        assert [row for row, _ in hits] == np.argsort(-exact)[:25].tolist()


def test_growing_matrix_keeps_what_a_reader_holds() -> None:
    matrix = Matrix(384)
    matrix.append(unit_rows(5, 6))
    held = matrix.view()
    before = held.copy()
    for seed in range(7, 12):
        matrix.append(unit_rows(3, seed))
    assert np.array_equal(held, before)
    assert matrix.rows == 20
    assert np.array_equal(matrix.view()[:5], before)


def test_rows_of_zeros_stay() -> None:
    assert np.array_equal(normalise(np.zeros((2, 3), dtype=np.float32)), np.zeros((2, 3)))
