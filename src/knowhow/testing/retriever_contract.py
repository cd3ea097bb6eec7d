"""What every retriever must do, as a test class: inherit it and give a `make` fixture that wraps an index in a retriever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from knowhow.protocols import Index, Retriever
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.testing.index_contract import PUBLIC, VOCABULARY, make_document, put, random_documents
from knowhow.types import Query

MakeRetriever = Callable[[Index], Retriever]
_ASKERS = [PUBLIC, frozenset({"a"}), frozenset({"b", "c"}), frozenset({"unknown"})]


class RetrieverContract:
    """Inherit and provide the `make` fixture; documents are embedded by `knowhow.testing.index_contract.EMBEDDER`."""

    @pytest.fixture
    def index(self, tmp_path: Path) -> Index:
        """A small index with documents of several groups."""
        index = SqliteIndex(tmp_path / "index.sqlite", "fake")
        put(index, *random_documents(11, 40))
        return index

    def test_best_first_and_at_most_k(self, make: MakeRetriever, index: Index) -> None:
        for k in (1, 3, 500):
            for hits in make(index).retrieve([Query(word) for word in VOCABULARY], k):
                assert len(hits) <= k
                assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
                assert len({hit.chunk.id for hit in hits}) == len(hits)

    def test_no_queries_give_nothing(self, make: MakeRetriever, index: Index) -> None:
        assert make(index).retrieve([], 5) == []

    def test_batch_equals_single_queries(self, make: MakeRetriever, index: Index) -> None:
        retriever = make(index)
        queries = [Query(word, groups) for word in VOCABULARY for groups in _ASKERS]
        together = retriever.retrieve(queries, 4)
        assert together == [make(index).retrieve([query], 4)[0] for query in queries]

    def test_hidden_documents_change_nothing(self, make: MakeRetriever, index: Index, tmp_path: Path) -> None:
        for place, groups in enumerate(_ASKERS):
            clean = SqliteIndex(tmp_path / f"clean{place}.sqlite", "fake")
            allowed = [
                document
                for document in random_documents(11, 40)
                if not document.groups or document.groups & groups
            ]
            put(clean, *allowed)
            queries = [Query(f"{word} fee 利率", groups) for word in VOCABULARY]
            assert make(index).retrieve(queries, 6) == make(clean).retrieve(queries, 6)

    def test_an_update_counts_at_once(self, make: MakeRetriever, index: Index) -> None:
        retriever = make(index)
        query = Query("walrus", PUBLIC)
        retriever.retrieve([query], 5)
        put(index, make_document("new", "walrus"))
        assert retriever.retrieve([query], 5)[0][0].chunk.id == "new#0"
        put(index, make_document("new", "walrus", groups=frozenset({"a"})))
        assert "new#0" not in {hit.chunk.id for hit in retriever.retrieve([query], 50)[0]}
        put(index, deleted=["new"])
        seen = retriever.retrieve([Query("walrus", frozenset({"a"}))], 50)[0]
        assert "new#0" not in {hit.chunk.id for hit in seen}
