"""The roles: what each part must do, batch-first (a single call is a batch of one)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from knowhow.types import (
    Answer,
    Answering,
    Candidate,
    Chunk,
    Completion,
    Conversation,
    Decoding,
    Document,
    DocumentRecord,
    Example,
    Format,
    Hit,
    Query,
    Recognition,
    Route,
    Traits,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

TextSink = Callable[[int, str], None]
"""Receives (position in the batch, newly generated text) while a batch is being generated."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def identity(self) -> str:
        """Digest of weights and options: vectors of different identities must never meet."""

    @property
    def dimension(self) -> int:
        """Columns of the matrix."""

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return shape (len(texts), dimension), float32, rows of length 1, in the order of `texts`."""


@runtime_checkable
class Index(Protocol):
    """Keeps documents, chunks and vectors and searches them; one `update` is all-or-nothing and readers see old or new."""

    @property
    def version(self) -> str:
        """Changes with every committed update; equal content reached in any order of updates need not be equal."""

    def update(
        self,
        documents: Sequence[Document],
        chunks: Sequence[Chunk],
        vectors: Matrix,
        deleted: Collection[str] = (),
    ) -> str:
        """Replace `documents` (by id) with their `chunks` and aligned `vectors`, drop `deleted` ids; return the new version."""

    def records(self) -> list[DocumentRecord]:
        """Every document without its text, ordered by id."""

    def document(self, document_id: str) -> Document:
        """The whole document; NotFoundError when absent."""

    def chunks(self, groups: frozenset[str] | None = None) -> Iterable[Chunk]:
        """Chunks readable by `groups` (None: all of them) ordered by document and position."""

    def search_dense(self, vectors: Matrix, groups: Sequence[frozenset[str]], k: int) -> list[list[Hit]]:
        """For each row the k readable chunks of highest cosine, ties by chunk id."""

    def search_lexical(
        self, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Hit]]:
        """For each text the k readable chunks of highest lexical score, statistics counted over readable chunks only."""

    def close(self) -> None:
        """Release files and memory."""


@runtime_checkable
class RankingIndex(Index, Protocol):
    """An index that can rank without reading chunks: fusion looks at hundreds of candidates and delivers a handful."""

    def rank_dense(self, vectors: Matrix, groups: Sequence[frozenset[str]], k: int) -> list[list[Candidate]]:
        """As `search_dense`."""

    def rank_lexical(
        self, texts: Sequence[str], groups: Sequence[frozenset[str]], k: int
    ) -> list[list[Candidate]]:
        """As `search_lexical`."""

    def fetch(self, chunk_ids: Collection[str]) -> dict[str, Chunk]:
        """Chunks by id; one that is no longer there is left out."""


@runtime_checkable
class Retriever(Protocol):
    """Finds chunks for queries; hybrid, rerank and cache wrap another Retriever."""

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first."""


@runtime_checkable
class Reranker(Protocol):
    """Re-orders hits by looking at query and passage together."""

    def score(self, queries: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[float]]:
        """One relevance score per passage of each query, higher is better."""


@runtime_checkable
class Generator(Protocol):
    """Continues conversations."""

    @property
    def identity(self) -> str:
        """Digest of model, adapter and engine options."""

    @property
    def context_tokens(self) -> int:
        """Window shared by prompt and completion, in tokens."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the engine counts them (or a safe upper estimate for a remote engine)."""

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
    ) -> list[Completion]:
        """One completion per conversation, the same for the same seed whatever else is in the batch."""

    def close(self) -> None:
        """Release the model."""


@runtime_checkable
class Pipeline(Protocol):
    """A loaded strategy: what is measured, released and served."""

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """One answer per query, in order; a failed query gives an Answer with `error` set."""


class Trainer(Protocol):
    """Fits an adapter to conversations."""

    @property
    def row_limit(self) -> int:
        """The most rows worth handing over."""

    def train(self, conversations: Sequence[Conversation], out: Path, *, seed: int = 0) -> None:
        """Write an adapter directory to `out`, resumable after a kill, identical for identical input and seed."""


class Components(Protocol):
    """What a strategy may build from; handed out by the workspace."""

    @property
    def format(self) -> Format:
        """The form that answers must keep."""

    @property
    def answering(self) -> Answering:
        """Instructions, agreed not-found answer, passages and sizes."""

    @property
    def index_version(self) -> str:
        """Version of the index as it is now; empty where there is none."""

    @property
    def training_groups(self) -> frozenset[str]:
        """Groups whose documents training may read; what is learned from them serves only those who may read them."""

    def documents(self) -> Iterable[Document]:
        """Every document that training and retrieval may read."""

    def chunks(self) -> Iterable[Chunk]:
        """Every chunk that training and retrieval may read."""

    def embedder(self, encoder: Path | None = None) -> Embedder:
        """The configured embedder, or a tuned encoder from its directory."""

    def retriever(self, encoder: Path | None = None) -> Retriever:
        """The one retrieval path that ask, compare and serve share."""

    def gold_retriever(self) -> Retriever:
        """Gold evidence by question, for the diagnostic oracle; PolicyError outside a comparison."""

    def generator(self, adapter: Path | None = None) -> Generator:
        """The configured generator, with an adapter where given."""

    def trainer(self) -> Trainer:
        """The configured trainer."""


class Strategy(Protocol):
    """Says what to learn from examples and how to answer afterwards."""

    @property
    def traits(self) -> Traits:
        """What it is as far as limits and upkeep are concerned (a class variable will do)."""

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn from training examples only and write everything needed for `load` under `out`."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Build the pipeline from a folder written by `fit`, possibly copied elsewhere."""


class Router(Protocol):
    """Knows what questions are about and, once told how strategies did, which of them answers."""

    def recognise(self, queries: Sequence[Query]) -> list[Recognition]:
        """Return what each question is about."""

    def learn(
        self, recognised: Sequence[Recognition], outcomes: Mapping[str, Sequence[float | None]]
    ) -> Router:
        """Return a router that knows these outcomes (strategy -> value per question, higher is better) and no others."""

    def decide(self, recognised: Sequence[Recognition]) -> list[Route]:
        """Return which strategy answers each question, and why."""

    def reachable(self) -> list[str]:
        """Return the strategies that some question can reach."""


@runtime_checkable
class RoutingStrategy(Strategy, Protocol):
    """A strategy that answers through others; how those did on questions it has not seen decides which one answers what."""

    def choices(self, names: Sequence[str]) -> list[str]:
        """Return which of these strategies it may send questions to."""

    def router(
        self, examples: Sequence[Example], components: Components, strategies: Mapping[str, Traits]
    ) -> Router:
        """Learn intents from training examples; every question goes to the fallback until the router learns outcomes."""

    def keep(self, router: Router, fitted: Mapping[str, Path], out: Path) -> None:
        """Write the router and copies of what its strategies learned under `out`, for `load`."""


Metric = Callable[[Example, Answer], float | None]
"""Scores one answer to one example; None when the metric does not apply, and for cost when the answer failed."""
