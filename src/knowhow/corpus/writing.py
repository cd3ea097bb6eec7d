"""Batches of whole documents on their way into the index: embedded together, committed together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from knowhow.corpus.state import FileState
from knowhow.passages import passage_text
from knowhow.protocols import Embedder, Index
from knowhow.types import Chunk, Document

if TYPE_CHECKING:
    from knowhow.protocols import Matrix

MAX_CHUNKS = 1024
MAX_DOCUMENTS = 512
MAX_CHARACTERS = 8_000_000


class Batch:
    """Collects documents until there are enough for one commit, so that memory stays flat however large the folder is."""

    def __init__(self, index: Index, embedder: Callable[[], Embedder]) -> None:
        self.index = index
        self.written = 0
        self._make_embedder = embedder
        self._embedder: Embedder | None = None
        self._documents: list[Document] = []
        self._chunks: list[Chunk] = []
        self._deleted: set[str] = set()
        self._states: list[tuple[FileState, str]] = []
        self._committed: set[str] = set()
        self._characters = 0

    @property
    def is_full(self) -> bool:
        """Say whether it is time to commit."""
        return (
            len(self._chunks) >= MAX_CHUNKS
            or len(self._documents) >= MAX_DOCUMENTS
            or self._characters >= MAX_CHARACTERS
        )

    def add(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """Take a whole document with all its chunks."""
        self._documents.append(document)
        self._chunks += chunks
        self._characters += len(document.text)

    def note(self, gone: Collection[str], state: FileState, last: str) -> None:
        """Take the ids to delete with a file, and its state, which is final once its `last` document is committed."""
        self._deleted.update(gone)
        self._states.append((state, last))

    def delete(self, document_ids: Collection[str]) -> None:
        """Delete documents at once."""
        self.index.update((), (), _no_vectors(), document_ids)

    def commit(self) -> list[FileState]:
        """Embed and commit everything collected; return the states of the files that are now wholly in the index."""
        if self._documents or self._deleted:
            vectors = self._embed()
            self.index.update(self._documents, self._chunks, vectors, self._deleted)
        self.written += len(self._chunks)
        done = {document.id for document in self._documents} | {""}
        finished = [state for state, last in self._states if last in done]
        self._states = [(state, last) for state, last in self._states if last not in done]
        self._documents, self._chunks, self._deleted, self._characters = [], [], set(), 0
        return finished

    def _embed(self) -> Matrix:
        """Embed the batch sorted by length, so that little padding is computed, and return rows in the chunks' order."""
        import numpy as np

        if not self._chunks:
            return _no_vectors()
        if self._embedder is None:
            self._embedder = self._make_embedder()
        texts = [passage_text(chunk) for chunk in self._chunks]
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        found = self._embedder.embed([texts[row] for row in order])
        vectors: Matrix = np.empty_like(found)
        vectors[order] = found
        return vectors


def _no_vectors() -> Matrix:
    import numpy as np

    return np.zeros((0, 0), dtype=np.float32)
