"""The default index: one SQLite file as the record, exact dense scan and permission-true BM25 over arrays in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowhow.errors import ConfigError, NotFoundError
from knowhow.registry import register
from knowhow.retrieval import analysis
from knowhow.retrieval.engine.database import Database, read_setting, write_setting
from knowhow.retrieval.engine.memory import Memory
from knowhow.retrieval.engine.rows import iterate_chunks, read_chunks, read_document, read_records
from knowhow.retrieval.engine.vectors import normalise, search_vectors
from knowhow.retrieval.engine.writing import apply, prepare
from knowhow.types import Candidate, Chunk, Document, DocumentRecord, Hit

if TYPE_CHECKING:
    import sqlite3

    from knowhow.protocols import Matrix

_REBUILD = "Build the index again with: knowhow ingest --rebuild"


@register("index", "sqlite")
@dataclass(eq=False)
class SqliteIndex:
    """Keeps everything in the file `path`; `embedder` is the identity of the vectors, empty where only records are read."""

    path: Path
    embedder: str = ""
    wait_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Open or create the file; ConfigError when its vectors or terms were made by another embedder or analysis."""
        self._database = Database(Path(self.path), self.wait_seconds)
        self._memory = Memory()
        with self._database.read() as connection:
            self._check_identity(connection)

    @property
    def version(self) -> str:
        """Name of the file's content: random part of the file, then the number of updates."""
        with self._database.read() as connection:
            return _version(connection)

    def update(
        self,
        documents: Sequence[Document],
        chunks: Sequence[Chunk],
        vectors: Matrix,
        deleted: Collection[str] = (),
    ) -> str:
        """Replace `documents` with their `chunks` and `vectors`, drop `deleted`, in one transaction; return the new version."""
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2:
            vectors = vectors.reshape(len(chunks), -1) if chunks else np.zeros((0, 0), dtype=np.float32)
        if not documents and not chunks and not deleted:
            return self.version
        change = prepare(documents, chunks, vectors, deleted)
        with self._database.write() as connection:
            self._check_identity(connection)
            if chunks:
                self._stamp(connection, vectors.shape[1])
            has_removed = apply(connection, change)
            version = _version(connection)
        if has_removed:
            self._database.truncate_log()
        return version

    def records(self) -> list[DocumentRecord]:
        """Every document without its text, ordered by id."""
        with self._database.read() as connection:
            return read_records(connection)

    def document(self, document_id: str) -> Document:
        """The whole document; NotFoundError when absent."""
        with self._database.read() as connection:
            found = read_document(connection, document_id)
        if found is None:
            raise NotFoundError(
                f"There is no document '{document_id}' in the index. List the documents with: knowhow list documents"
            )
        return found

    def chunks(self, groups: frozenset[str] | None = None) -> Iterable[Chunk]:
        """Chunks readable by `groups` (None: all of them) of one committed state, ordered by document and position."""
        return self._iterate(groups)

    def search_dense(self, vectors: Matrix, groups: Sequence[frozenset[str]], k: int) -> list[list[Hit]]:
        """For each row the k readable chunks of highest cosine, ties by chunk id; parts: dense."""
        with self._database.read() as connection:
            return _read(connection, self._rank_dense(connection, vectors, groups, k))

    def rank_dense(self, vectors: Matrix, groups: Sequence[frozenset[str]], k: int) -> list[list[Candidate]]:
        """See RankingIndex."""
        with self._database.read() as connection:
            return self._rank_dense(connection, vectors, groups, k)

    def _rank_dense(
        self, connection: sqlite3.Connection, vectors: Matrix, groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Candidate]]:
        vectors = np.asarray(vectors, dtype=np.float32).reshape(len(groups), -1)
        state = self._memory.current(connection, needs_vectors=True)
        assert state.matrix is not None
        if not len(state.numbers) or not len(groups):
            return [[] for _ in groups]
        if state.matrix.shape[1] != vectors.shape[1]:
            raise ConfigError(
                f"The index holds vectors of {state.matrix.shape[1]} numbers, the embedder gives {vectors.shape[1]}. {_REBUILD}"
            )
        found = search_vectors(
            state.matrix, normalise(vectors), [state.readable(names) for names in groups], state.ids, k
        )
        return [[Candidate(state.ids[row], score, {"dense": score}) for row, score in hits] for hits in found]

    def search_lexical(
        self, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Hit]]:
        """For each text the k readable chunks of highest BM25 score, ties by chunk id; parts: lexical, coverage (0 to 1)."""
        with self._database.read() as connection:
            return _read(connection, self._rank_lexical(connection, texts, groups, k))

    def rank_lexical(
        self, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Candidate]]:
        """See RankingIndex."""
        with self._database.read() as connection:
            return self._rank_lexical(connection, texts, groups, k)

    def _rank_lexical(
        self, connection: sqlite3.Connection, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Candidate]]:
        state = self._memory.current(connection, needs_postings=True)
        found = [
            state.scorer(names).search(analysis.analyze(text), self._memory.term_numbers, k)
            for text, names in zip(texts, groups, strict=True)
        ]
        return [
            [
                Candidate(state.ids[hit.row], hit.score, {"lexical": hit.score, "coverage": hit.coverage})
                for hit in hits
            ]
            for hits in found
        ]

    def fetch(self, chunk_ids: Collection[str]) -> dict[str, Chunk]:
        """See RankingIndex."""
        with self._database.read() as connection:
            return read_chunks(connection, list(chunk_ids))

    def erase_remains(self) -> bool:
        """Leave no byte of what was deleted on disk (updates do so by themselves); False while a long read still holds it."""
        return self._database.truncate_log(self.wait_seconds)

    def close(self) -> None:
        """Release files and memory."""
        self._database.close()
        self._memory.forget()

    def _iterate(self, groups: frozenset[str] | None) -> Iterator[Chunk]:
        # A connection of its own: a half-read iteration must not hold back what this thread's searches see.
        connection = self._database.separate()
        try:
            for chunk in iterate_chunks(connection):
                if groups is None or not chunk.groups or chunk.groups & groups:
                    yield chunk
        finally:
            connection.close()

    def _check_identity(self, connection: sqlite3.Connection) -> None:
        stored = read_setting(connection, "embedder")
        if stored and self.embedder and stored != self.embedder:
            raise ConfigError(
                f"The index {self.path} holds vectors of another embedder ({stored}, configured: {self.embedder}). {_REBUILD}"
            )
        terms = read_setting(connection, "analysis")
        if terms is not None and terms != analysis.IDENTITY:
            raise ConfigError(
                f"The index {self.path} holds terms of an older analysis ({terms}, now {analysis.IDENTITY}). {_REBUILD}"
            )

    def _stamp(self, connection: sqlite3.Connection, dimension: int) -> None:
        stored = read_setting(connection, "dimension")
        if stored is not None and int(stored) != dimension:
            raise ConfigError(
                f"The index {self.path} holds vectors of {stored} numbers, the embedder gives {dimension}. {_REBUILD}"
            )
        write_setting(connection, "dimension", str(dimension))
        write_setting(connection, "analysis", analysis.IDENTITY)
        if self.embedder:
            write_setting(connection, "embedder", self.embedder)


def _version(connection: sqlite3.Connection) -> str:
    return f"{read_setting(connection, 'instance')}-{read_setting(connection, 'generation')}"


def _read(connection: sqlite3.Connection, found: Sequence[Sequence[Candidate]]) -> list[list[Hit]]:
    """Candidates with their chunks, of the snapshot that they were ranked in."""
    chunks = read_chunks(connection, list({item.chunk_id for hits in found for item in hits}))
    return [[Hit(chunks[item.chunk_id], item.score, item.parts) for item in hits] for hits in found]
