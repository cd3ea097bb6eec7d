"""Hybrid, cache and rerank around a real index with the fake embedder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from knowhow.config import RetrievalSettings
from knowhow.errors import BackendError, NotFoundError
from knowhow.retrieval import build_retriever
from knowhow.retrieval.cache import CachingRetriever
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.retrieval.rerankers.proximity import ProximityReranker
from knowhow.retrieval.reranking import RerankingRetriever
from knowhow.retrieval.retrievers import HybridRetriever, LexicalRetriever, understands
from knowhow.testing.fakes import FakeEmbedder
from knowhow.testing.index_contract import EMBEDDER, make_document, put
from knowhow.types import Hit, Query


class EnglishEmbedder(FakeEmbedder):
    """Declares that it understands English only."""

    languages = frozenset({"en"})


@pytest.fixture
def index(tmp_path: Path) -> SqliteIndex:
    made = SqliteIndex(tmp_path / "index.sqlite", "fake")
    put(
        made,
        make_document("a", "The card fee is five euro", "Loans have a rate"),
        make_document("b", "信用卡年费是五元", groups=frozenset({"staff"})),
        make_document("c", "Card limits and fees", groups=frozenset({"staff"})),
    )
    return made


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("reranker", ["", "proximity"])
def test_every_mode_respects_groups_and_k(index: SqliteIndex, mode: Any, reranker: str) -> None:
    settings = replace(RetrievalSettings(), mode=mode, reranker=reranker)
    retriever = build_retriever(settings, index, EMBEDDER)
    text = "Card limits and fees"
    queries = [Query(text), Query(text, frozenset({"staff"})), Query(text, frozenset({"x"}))]
    public, staff, other = retriever.retrieve(queries, 2)
    assert {hit.chunk.document_id for hit in public} == {"a"}
    assert "c" in {hit.chunk.document_id for hit in staff}
    assert other == public
    assert all(len(hits) <= 2 for hits in (public, staff))
    assert retriever.retrieve([], 2) == []


@pytest.mark.parametrize(
    ("text", "is_understood"),
    [
        ("card fee", True),
        ("信用卡年费", False),
        ("iPhone的价格是多少", False),
        ("What does 关系 mean", True),
        ("", True),
    ],
)
def test_english_embedder_is_not_asked_about_chinese(text: str, is_understood: bool) -> None:
    assert understands(EnglishEmbedder(), text) == is_understood
    assert understands(FakeEmbedder(), text)


def test_hybrid_answers_chinese_by_terms_alone(index: SqliteIndex) -> None:
    query = Query("年費多少", frozenset({"staff"}))
    embedder = EnglishEmbedder(EMBEDDER.dimension)
    hybrid = HybridRetriever(index, embedder).retrieve([query, Query("card fee")], 3)
    assert hybrid[0] == LexicalRetriever(index).retrieve([query], 3)[0]
    assert [hit.chunk.document_id for hit in hybrid[0]] == ["b"]
    assert "dense" in hybrid[1][0].parts


def test_lexical_mode_never_embeds(index: SqliteIndex) -> None:
    class Silent(FakeEmbedder):
        def embed(self, texts: Sequence[str]) -> Any:
            raise AssertionError("embedded in lexical mode")

    retriever = build_retriever(replace(RetrievalSettings(), mode="lexical"), index, Silent())
    assert retriever.retrieve([Query("card fee")], 1)[0][0].chunk.id == "a#0"


def test_scores_are_relevance_from_0_to_1(index: SqliteIndex) -> None:
    retriever = build_retriever(RetrievalSettings(), index, EMBEDDER)
    exact, none = retriever.retrieve([Query("The card fee is five euro"), Query("zebra quantum")], 3)
    assert exact[0].score == pytest.approx(1.0, abs=1e-6)
    assert exact[0].parts["coverage"] == pytest.approx(1.0)
    assert all(hit.parts["coverage"] == 0 and hit.score < 0.5 for hit in none)


def test_unknown_reranker_names_the_known_ones(index: SqliteIndex) -> None:
    with pytest.raises(NotFoundError, match="proximity"):
        build_retriever(replace(RetrievalSettings(), reranker="proximiti"), index, EMBEDDER)


class Counting:
    """Counts how many queries reach the inner retriever."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.asked = inner, 0

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        self.asked += len(queries)
        found: list[list[Hit]] = self.inner.retrieve(queries, k)
        return found


def test_cache_never_crosses_groups_k_or_versions(index: SqliteIndex) -> None:
    inner = Counting(LexicalRetriever(index))
    cache = CachingRetriever(inner, index)
    query, staff = Query("card fee"), Query("card fee", frozenset({"staff"}))
    first = cache.retrieve([query, query], 2)
    assert cache.retrieve([query], 2) == first[:1]
    assert inner.asked == 1
    assert cache.retrieve([staff], 2)[0] != first[0]
    cache.retrieve([query], 1)
    assert inner.asked == 3
    put(index, make_document("a", "nothing", groups=frozenset({"staff"})))
    assert cache.retrieve([query], 2) == [[]]
    assert inner.asked == 4


def test_cache_forgets_the_oldest(index: SqliteIndex) -> None:
    inner = Counting(LexicalRetriever(index))
    cache = CachingRetriever(inner, index, size=2)
    for text in ("card", "fee", "rate", "card"):
        cache.retrieve([Query(text)], 1)
    assert inner.asked == 4


def test_a_callers_change_does_not_reach_the_cache(index: SqliteIndex) -> None:
    cache = CachingRetriever(LexicalRetriever(index), index)
    cache.retrieve([Query("card")], 1)[0].clear()
    assert len(cache.retrieve([Query("card")], 1)[0]) == 1


def test_hybrid_searches_again_when_the_index_moves_between_its_parts(index: SqliteIndex) -> None:
    class Moving:
        def __init__(self) -> None:
            self.moves = 2

        def __getattr__(self, name: str) -> Any:
            return getattr(index, name)

        def rank_dense(self, *arguments: Any) -> Any:
            if self.moves:
                self.moves -= 1
                put(index, make_document("a", f"card fee {self.moves}"))
            return index.rank_dense(*arguments)

    hits = HybridRetriever(Moving(), EMBEDDER).retrieve([Query("card fee")], 5)[0]
    assert [hit.chunk.text for hit in hits] == ["card fee 0"]
    assert hits[0].parts.keys() == {"dense", "lexical", "coverage"}


def test_rerank_blends_and_reorders(index: SqliteIndex) -> None:
    class Backwards:
        weight = 0.5

        def score(self, queries: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[float]]:
            return [[float(place) for place, _ in enumerate(texts)] for texts in passages]

    inner = HybridRetriever(index, EMBEDDER)
    plain = inner.retrieve([Query("card fee")], 2)[0]
    reranked = RerankingRetriever(inner, Backwards()).retrieve([Query("card fee")], 2)[0]
    assert [hit.chunk.id for hit in reranked] == [plain[1].chunk.id, plain[0].chunk.id]
    assert reranked[0].score == pytest.approx(0.5 * plain[1].score + 0.5)
    assert reranked[0].parts["rerank"] == 1.0


def test_rerank_refuses_a_wrong_number_of_scores(index: SqliteIndex) -> None:
    class Short:
        def score(self, queries: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[float]]:
            return [[1.0] for _ in queries]

    with pytest.raises(BackendError, match="number of scores"):
        RerankingRetriever(LexicalRetriever(index), Short()).retrieve([Query("card fee rate")], 2)


def test_proximity_prefers_one_sentence_that_says_it_all() -> None:
    together = "Cards\nThe card fee is five euro. Loans have a rate."
    apart = "Loans\nThe card is red. A fee exists. Five people. Euro coins."
    scores = ProximityReranker().score(["card fee five euro", ""], [[together, apart], [together]])
    assert 1 >= scores[0][0] > scores[0][1] > 0
    assert scores[0][0] == pytest.approx(1.0)
    assert scores[1] == [0.0]
    assert ProximityReranker().score(["card"], [[]]) == [[]]


def test_an_index_that_only_searches_serves_hybrid_retrieval_as_well(index: SqliteIndex) -> None:
    class Plain:
        version = index.version
        search_dense, search_lexical = index.search_dense, index.search_lexical

    plain: Any = Plain()
    for retriever in (HybridRetriever, LexicalRetriever):
        arguments = (EMBEDDER,) if retriever is HybridRetriever else ()
        asked = [Query("card fee"), Query("late rate", frozenset({"staff"}))]
        assert retriever(plain, *arguments).retrieve(asked, 3) == retriever(index, *arguments).retrieve(
            asked, 3
        )
