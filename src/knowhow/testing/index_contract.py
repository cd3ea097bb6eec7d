"""What every index must do, as a test class: inherit it, give a `make` fixture, and the engine is tested.

    class TestMine(IndexContract):
        @pytest.fixture
        def make(self, tmp_path):
            return lambda name="index": MyIndex(tmp_path / name, embedder="fake")

`make(name)` opens the index of that name and creates it when absent; opening the same name twice gives two handles on one content.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowhow.errors import DataError, NotFoundError
from knowhow.protocols import Index
from knowhow.testing.fakes import FakeEmbedder
from knowhow.types import Chunk, Document, Hit, Region

Make = Callable[..., Index]

EMBEDDER = FakeEmbedder(dimension=16)
PUBLIC: frozenset[str] = frozenset()
VOCABULARY = [
    "loan", "rate", "card", "fee", "branch", "audit", "客户", "利率", "手续费", "金利", "口座", "limit", "2024", "ISO-9001",
]  # fmt: skip
_TEXTS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=9).map(" ".join)
_COUNTER = itertools.count()
_GROUP_SETS = [PUBLIC, frozenset({"a"}), frozenset({"b"}), frozenset({"a", "b"}), frozenset({"c"})]


def make_document(name: str, *texts: str, groups: frozenset[str] = PUBLIC, title: str = "") -> Document:
    """Return a document whose chunks are the given texts, one paragraph each."""
    return Document(name, title, "\n\n".join(texts), f"{name}.txt", groups, digest=str(hash(texts)))


def cut(document: Document) -> list[Chunk]:
    """Return one chunk per paragraph of a document."""
    chunks, place = [], 0
    for number, text in enumerate(document.text.split("\n\n")):
        end = place + len(text)
        name = f"{document.id}#{number}"
        chunks.append(Chunk(name, document.id, text, place, end, document.groups, document.title))
        place = end + 2
    return chunks


def put(index: Index, *documents: Document, deleted: Sequence[str] = ()) -> str:
    """Update the index with whole documents and the fake embedder's vectors."""
    chunks = [chunk for document in documents for chunk in cut(document)]
    return index.update(documents, chunks, EMBEDDER.embed([chunk.text for chunk in chunks]), deleted)


def random_documents(seed: int, count: int) -> list[Document]:
    """Return reproducible documents over a small vocabulary with random groups."""
    source = random.Random(seed)
    return [
        make_document(
            f"d{number}",
            *(" ".join(source.choices(VOCABULARY, k=source.randint(1, 9))) for _ in range(source.randint(1, 3))),
            groups=source.choice(_GROUP_SETS),
        )
        for number in range(count)
    ]  # fmt: skip


def search(index: Index, text: str, groups: frozenset[str], k: int) -> tuple[list[Hit], list[Hit]]:
    """Return dense and lexical hits for one text."""
    return (
        index.search_dense(EMBEDDER.embed([text]), [groups], k)[0],
        index.search_lexical([text], [groups], k)[0],
    )


def _crowd() -> list[Document]:
    """Documents enough that an update is a small part of the index, as engines may treat large parts otherwise."""
    return [make_document(f"x{number:02}", "fee") for number in range(30)]


class IndexContract:
    """Inherit and provide the `make` fixture."""

    def test_empty_index_finds_nothing(self, make: Make) -> None:
        index = make()
        assert search(index, "loan", PUBLIC, 5) == ([], [])
        assert index.records() == []
        assert list(index.chunks()) == []

    def test_keeps_documents_and_chunks_as_given(self, make: Make) -> None:
        index = make()
        given = Document(
            "d", "Título 标题", "Überschuss 😀\n\n利率は3％", "a/b.md", frozenset({"x", "y"}), "ja", "abc",
            (Region(0, 12, 2, ("A", "第一章")),), {"author": "李"},
        )  # fmt: skip
        put(index, given)
        assert index.document("d") == given
        assert list(index.chunks()) == cut(given)
        record = index.records()[0]
        assert (record.id, record.source, record.title, record.digest) == ("d", "a/b.md", given.title, "abc")
        assert (record.groups, record.language, record.chunks) == (given.groups, "ja", 2)
        assert (record.characters, record.metadata) == (len(given.text), {"author": "李"})

    def test_absent_document_is_named(self, make: Make) -> None:
        with pytest.raises(NotFoundError, match="nowhere"):
            make().document("nowhere")

    def test_chunks_come_in_order_of_document_and_position(self, make: Make) -> None:
        index = make()
        put(index, make_document("b", *(f"text {number}" for number in range(12))))
        put(index, make_document("a", "one", "two"))
        names = [chunk.id for chunk in index.chunks()]
        assert names == ["a#0", "a#1", *(f"b#{number}" for number in range(12))]

    def test_replaced_document_leaves_no_ghost(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "old loan", "second loan", "third loan"), *_crowd())
        search(index, "loan", PUBLIC, 5)
        put(index, make_document("d", "new rate"))
        for hits in (*search(index, "loan", PUBLIC, 50), *search(index, "rate", PUBLIC, 50)):
            assert {hit.chunk.text for hit in hits} <= {"new rate", "fee"}
        assert [chunk.text for chunk in index.chunks()] == ["new rate", *["fee"] * 30]

    def test_deleted_document_leaves_no_ghost(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "secret loan"), *_crowd())
        search(index, "loan", PUBLIC, 5)
        put(index, deleted=["d", "never there"])
        dense, lexical = search(index, "secret loan", PUBLIC, 50)
        assert {hit.chunk.text for hit in dense} == {"fee"}
        assert lexical == []
        assert "d" not in {record.id for record in index.records()}
        with pytest.raises(NotFoundError):
            index.document("d")

    def test_regrouped_document_is_hidden_at_once(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "loan"), *_crowd())
        assert search(index, "loan", PUBLIC, 5)[1]
        put(index, make_document("d", "loan", groups=frozenset({"a"})))
        dense, lexical = search(index, "loan", PUBLIC, 50)
        assert ({hit.chunk.text for hit in dense}, lexical) == ({"fee"}, [])
        assert search(index, "loan", frozenset({"a"}), 5)[0][0].chunk.id == "d#0"

    def test_version_changes_with_every_update(self, make: Make) -> None:
        index = make()
        versions = [index.version]
        for text in ("one", "two", "one"):
            versions.append(put(index, make_document("d", text)))
            assert index.version == versions[-1]
        versions.append(put(index, deleted=["d"]))
        assert len(set(versions)) == 5

    def test_persists_on_reopen(self, make: Make) -> None:
        index = make()
        put(index, *random_documents(1, 8))
        before = (index.version, index.records(), search(index, "loan rate 利率", frozenset({"a"}), 5))
        index.close()
        again = make()
        assert (
            again.version,
            again.records(),
            search(again, "loan rate 利率", frozenset({"a"}), 5),
        ) == before

    def test_second_handle_sees_committed_updates(self, make: Make) -> None:
        writer, reader = make(), make()
        put(writer, make_document("d", "loan"))
        assert [hit.chunk.id for hit in search(reader, "loan", PUBLIC, 5)[1]] == ["d#0"]
        put(writer, make_document("e", "loan loan"), deleted=["d"])
        for hits in search(reader, "loan", PUBLIC, 5):
            assert [hit.chunk.id for hit in hits] == ["e#0"]
        assert reader.version == writer.version

    def test_concurrent_reader_sees_old_or_new(self, make: Make) -> None:
        writer, reader = make(), make()
        texts = [f"loan {'fee ' * number}{number}" for number in range(12)]
        put(writer, *(make_document(f"d{place}", f"{texts[0]}") for place in range(6)))
        seen: list[set[str]] = []
        is_done = threading.Event()

        def read() -> None:
            while not is_done.is_set():
                for hits in search(reader, "loan", PUBLIC, 10):
                    seen.append({hit.chunk.text for hit in hits})
                    assert len(hits) == 6

        thread = threading.Thread(target=read)
        thread.start()
        for text in texts[1:]:
            put(writer, *(make_document(f"d{place}", text) for place in range(6)))
        is_done.set()
        thread.join()
        assert seen
        assert all(len(found) == 1 for found in seen)

    def test_failed_update_changes_nothing(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "loan"))
        version = index.version
        stray = Chunk("x#0", "another", "fee", 0, 3)
        with pytest.raises(DataError, match="another"):
            index.update([make_document("d", "fee")], [stray], EMBEDDER.embed(["fee"]))
        assert index.version == version
        assert index.document("d").text == "loan"

    def test_chunk_must_have_its_documents_groups(self, make: Make) -> None:
        document = make_document("d", "loan", groups=frozenset({"a"}))
        open_chunk = Chunk("d#0", "d", "loan", 0, 4)
        with pytest.raises(DataError, match="groups"):
            make().update([document], [open_chunk], EMBEDDER.embed(["loan"]))

    def test_ties_are_ordered_by_chunk_id(self, make: Make) -> None:
        index = make()
        for name in ("c", "a", "d", "b"):
            put(index, make_document(name, "loan fee"))
        for hits in search(index, "loan", PUBLIC, 3):
            assert [hit.chunk.id for hit in hits] == ["a#0", "b#0", "c#0"]
            assert len({hit.score for hit in hits}) == 1

    def test_k_larger_than_the_index(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "loan", "fee"))
        dense, lexical = search(index, "loan", PUBLIC, 100)
        assert len(dense) == 2
        assert [hit.chunk.id for hit in lexical] == ["d#0"]

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("企业贷款的利率是多少", "贷款利率"),
            ("企業貸款的利率是多少", "贷款利率"),
            ("企业贷款的利率是多少", "貸款利率"),
            ("普通預金の金利は年0.02%です", "預金の金利"),
            ("ｶﾌﾞｼｷ市場の動向", "カブシキ"),
            ("Die Gebühren betragen 5 €", "gebuhren"),
            ("The fees are charged monthly", "monthly fee"),
            ("See form W-8BEN-E, section 12.3(b)", "w-8ben-e"),
            ("Transfers above 10,000 EUR", "10000"),
            ("emoji 😀 and \u200bzero width", "emoji"),
        ],
    )
    def test_finds_in_every_language(self, make: Make, text: str, query: str) -> None:
        index = make()
        put(index, make_document("d", text), make_document("e", "nothing in common 天氣"))
        hits = index.search_lexical([query], [PUBLIC], 1)[0]
        assert [hit.chunk.id for hit in hits] == ["d#0"]

    def test_query_without_terms_finds_nothing(self, make: Make) -> None:
        index = make()
        put(index, make_document("d", "loan"))
        assert index.search_lexical(["", "?!", "\u200b"], [PUBLIC] * 3, 5) == [[], [], []]

    def test_batch_equals_single_queries(self, make: Make) -> None:
        index = make()
        put(index, *random_documents(2, 30))
        texts = VOCABULARY * 6
        groups = [_GROUP_SETS[place % len(_GROUP_SETS)] for place in range(len(texts))]
        dense = index.search_dense(EMBEDDER.embed(texts), groups, 4)
        lexical = index.search_lexical(texts, groups, 4)
        for place, text in enumerate(texts):
            assert (dense[place], lexical[place]) == search(index, text, groups[place], 4)

    def test_dense_is_exact_cosine(self, make: Make) -> None:
        index = make()
        documents = random_documents(3, 40)
        put(index, *documents)
        chunks = [chunk for document in documents for chunk in cut(document)]
        cosines = EMBEDDER.embed([chunk.text for chunk in chunks]) @ EMBEDDER.embed(["card fee"])[0]
        expected = sorted(
            (
                (-round(float(cosine), 6), chunk.id)
                for chunk, cosine in zip(chunks, cosines, strict=True)
                if not chunk.groups
            )
        )[:5]
        hits = search(index, "card fee", PUBLIC, 5)[0]
        assert [(-round(hit.score, 6), hit.chunk.id) for hit in hits] == expected

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        documents=st.lists(
            st.tuples(st.sampled_from(_GROUP_SETS), st.lists(_TEXTS, min_size=1, max_size=3)), max_size=25
        ),
        gone=st.sets(st.integers(0, 24), max_size=6),
        groups=st.sampled_from([*_GROUP_SETS, frozenset({"a", "c", "unknown"})]),
        texts=st.lists(_TEXTS, min_size=1, max_size=3),
        k=st.sampled_from([1, 3, 10]),
    )
    def test_hidden_documents_change_nothing(
        self,
        make: Make,
        documents: list[tuple[frozenset[str], list[str]]],
        gone: set[int],
        groups: frozenset[str],
        texts: list[str],
        k: int,
    ) -> None:
        """Ids, order and scores equal those of an index that holds only what the asker may read."""
        made = [
            make_document(f"d{place}", *parts, groups=allowed)
            for place, (allowed, parts) in enumerate(documents)
        ]
        kept = [document for place, document in enumerate(made) if place not in gone]
        readable = [document for document in kept if not document.groups or document.groups & groups]
        whole, clean = make(f"whole-{next(_COUNTER)}"), make(f"clean-{next(_COUNTER)}")
        for start in range(0, len(made), 7):
            put(whole, *made[start : start + 7])
        put(whole, deleted=[f"d{place}" for place in gone])
        put(clean, *readable)
        for text in texts:
            assert search(whole, text, groups, k) == search(clean, text, groups, k)
        assert list(whole.chunks(groups)) == list(clean.chunks())
        whole.close()
        clean.close()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        steps=st.lists(
            st.one_of(
                st.tuples(st.just("put"), st.integers(0, 45), st.sampled_from(_GROUP_SETS), _TEXTS),
                st.tuples(st.just("delete"), st.integers(0, 45), st.just(PUBLIC), st.just("")),
                st.tuples(st.just("search"), st.integers(1, 12), st.sampled_from(_GROUP_SETS), _TEXTS),
            ),
            min_size=3,
            max_size=14,
        )
    )
    def test_any_history_searches_like_a_clean_index(
        self, make: Make, steps: list[tuple[str, int, frozenset[str], str]]
    ) -> None:
        """Grants, revocations, changes and deletions count at the next search, on handles whose caches are warm."""
        name = f"history-{next(_COUNTER)}"
        writer, reader = make(name), make(name)
        present = {document.id: document for document in random_documents(9, 40)}
        put(writer, *present.values())
        search(reader, "loan", PUBLIC, 5)
        for kind, number, groups, text in [*steps, ("search", 10, frozenset({"a"}), "loan fee 利率")]:
            if kind == "put":
                document = make_document(f"d{number}", text, groups=groups)
                present[document.id] = document
                put(writer, document)
            elif kind == "delete":
                present.pop(f"d{number}", None)
                put(writer, deleted=[f"d{number}"])
            else:
                clean = make(f"clean-{next(_COUNTER)}")
                put(clean, *(item for item in present.values() if not item.groups or item.groups & groups))
                expected = search(clean, text, groups, number)
                assert search(reader, text, groups, number) == expected
                assert search(writer, text, groups, number) == expected
                clean.close()
        writer.close()
        reader.close()

    def test_selective_filter_does_not_starve(self, make: Make) -> None:
        index = make()
        crowd = [
            make_document(f"x{number:03d}", "loan rate", groups=frozenset({"b"})) for number in range(300)
        ]
        put(index, *crowd, *(make_document(f"y{number}", f"loan {number}") for number in range(5)))
        dense, lexical = search(index, "loan rate", PUBLIC, 5)
        assert {hit.chunk.document_id for hit in dense} == {f"y{number}" for number in range(5)}
        assert {hit.chunk.document_id for hit in lexical} == {f"y{number}" for number in range(5)}

    def test_many_updates_equal_one(self, make: Make) -> None:
        """However the content was reached, the same search gives the same hits."""
        documents = random_documents(5, 60)
        steps, whole = make("steps"), make("whole")
        put(whole, *documents)
        for document in documents:
            put(steps, make_document(document.id, "draft limit", groups=document.groups))
            search(steps, "limit", frozenset({"a"}), 3)
            put(steps, document)
        for text in VOCABULARY:
            found = search(steps, text, frozenset({"a"}), 10)
            assert found == search(whole, text, frozenset({"a"}), 10)
        assert np.isfinite([hit.score for hits in found for hit in hits]).all()
