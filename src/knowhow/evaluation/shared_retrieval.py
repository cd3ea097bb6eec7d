"""Retrieval shared between arms: each query is searched once per encoder, whichever arm asks first, and counts for all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from knowhow.protocols import Components, Embedder, Generator, Retriever, Trainer
from knowhow.types import Answering, Chunk, Document, Format, Hit, Query


class CachingRetriever:
    """Remembers the hits of another retriever by query text, groups and k; equal to it for an unchanged index.

    `saved_seconds` sums up what remembered searches took when they were made: the cost an arm would have had alone.
    """

    def __init__(self, inner: Retriever) -> None:
        self._inner = inner
        self._known: dict[tuple[str, frozenset[str], int], list[Hit]] = {}
        self._seconds: dict[tuple[str, frozenset[str], int], float] = {}
        self.is_paused = False
        self.saved_seconds = 0.0

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """Return what the inner retriever returns, asking it only for queries it has not seen."""
        if self.is_paused or any(query.history for query in queries):
            return self._inner.retrieve(queries, k)
        keys = [(query.text, query.groups, k) for query in queries]
        fresh = {key: query for key, query in zip(keys, queries, strict=True) if key not in self._known}
        self.saved_seconds += sum(self._seconds[key] for key in keys if key not in fresh)
        if fresh:
            started = time.perf_counter()
            found = self._inner.retrieve(list(fresh.values()), k)
            share = (time.perf_counter() - started) / len(fresh)
            self._known.update(zip(fresh, found, strict=True))
            self._seconds.update(dict.fromkeys(fresh, share))
        return [list(self._known[key]) for key in keys]


class SharedComponents:
    """The workspace's components with one caching retriever per encoder."""

    def __init__(self, inner: Components) -> None:
        self._inner = inner
        self._retrievers: dict[Path | None, CachingRetriever] = {}

    @property
    def saved_seconds(self) -> float:
        """Seconds that arms were spared so far because another one had searched already."""
        return sum(retriever.saved_seconds for retriever in self._retrievers.values())

    @contextmanager
    def uncached(self) -> Iterator[None]:
        """Search anew inside the block, so that latency counts retrieval."""
        for retriever in self._retrievers.values():
            retriever.is_paused = True
        try:
            yield
        finally:
            for retriever in self._retrievers.values():
                retriever.is_paused = False

    @property
    def format(self) -> Format:
        """See Components."""
        return self._inner.format

    @property
    def answering(self) -> Answering:
        """See Components."""
        return self._inner.answering

    @property
    def index_version(self) -> str:
        """See Components."""
        return self._inner.index_version

    @property
    def training_groups(self) -> frozenset[str]:
        """See Components."""
        return self._inner.training_groups

    def documents(self) -> Iterable[Document]:
        """See Components."""
        return self._inner.documents()

    def chunks(self) -> Iterable[Chunk]:
        """See Components."""
        return self._inner.chunks()

    def embedder(self, encoder: Path | None = None) -> Embedder:
        """See Components."""
        return self._inner.embedder(encoder)

    def retriever(self, encoder: Path | None = None) -> Retriever:
        """Return the one retriever of this encoder, caching."""
        if encoder not in self._retrievers:
            self._retrievers[encoder] = CachingRetriever(self._inner.retriever(encoder))
        return self._retrievers[encoder]

    def gold_retriever(self) -> Retriever:
        """See Components."""
        return self._inner.gold_retriever()

    def generator(self, adapter: Path | None = None) -> Generator:
        """See Components."""
        return self._inner.generator(adapter)

    def trainer(self) -> Trainer:
        """See Components."""
        return self._inner.trainer()
