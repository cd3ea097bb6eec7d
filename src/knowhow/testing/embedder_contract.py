"""What every embedder must do, as a test class: inherit it and give an `embedder` fixture."""

from __future__ import annotations

import numpy as np

from knowhow.protocols import Embedder

_TEXTS = ["The annual fee is five euro.", "", "贷款利率", "a " * 2000, "Fees", "The annual fee is five euro."]


class EmbedderContract:
    """Inherit and provide the `embedder` fixture."""

    def test_shape_type_and_unit_length(self, embedder: Embedder) -> None:
        matrix = embedder.embed(_TEXTS)
        assert matrix.shape == (len(_TEXTS), embedder.dimension)
        assert matrix.dtype == np.float32
        assert np.allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-4)

    def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dimension)

    def test_rows_follow_the_order_of_texts(self, embedder: Embedder) -> None:
        matrix = embedder.embed(_TEXTS)
        for row, text in zip(matrix, _TEXTS, strict=True):
            assert float(row @ embedder.embed([text])[0]) > 0.999
        assert float(matrix[0] @ matrix[5]) > 0.999

    def test_identity_is_stable_text(self, embedder: Embedder) -> None:
        assert embedder.identity
        assert embedder.identity == embedder.identity

    def test_like_texts_are_nearer(self, embedder: Embedder) -> None:
        fee, same, other = embedder.embed(
            ["What is the annual fee?", "The annual fee", "Penguins swim in the sea"]
        )
        assert float(fee @ same) > float(fee @ other)
