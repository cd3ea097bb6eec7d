"""Latency of dense, lexical and hybrid search over many synthetic chunks, with and without permissions (see retrieval.py --latency)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knowhow.registry import build
from knowhow.retrieval.retrievers import HybridRetriever
from knowhow.types import Chunk, Document, Query

if TYPE_CHECKING:
    from knowhow.protocols import Matrix

DIMENSION, WORDS, TERMS = 384, 110, 60_000
QUERIES, QUERY_WORDS = 200, 8
CHUNKS_PER_DOCUMENT = 20
SHARES = {"everything readable": None, "half readable": "half", "1 % readable": "one"}


class SeededEmbedder:
    """Gives each text the vector that its number seeds; stands in for the model so that only search is timed."""

    dimension, identity = DIMENSION, "synthetic"
    languages: frozenset[str] = frozenset()

    def embed(self, texts: list[str]) -> Matrix:
        """Return one unit row per text."""
        rows = [np.random.default_rng(len(text)).standard_normal(DIMENSION) for text in texts]
        vectors = np.array(rows, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure_latency(count: int) -> dict[str, Any]:
    """Build an index of `count` chunks (Zipf word frequencies, clustered vectors), print and return the figures."""
    random = np.random.default_rng(7)
    vocabulary = np.array([f"w{number:x}" for number in range(TERMS)])
    path = Path(tempfile.mkdtemp()) / "index.sqlite"
    started = time.perf_counter()
    fill(path, count, vocabulary, random)
    figures: dict[str, Any] = {
        "chunks": count,
        "build_s": round(time.perf_counter() - started, 1),
        "megabytes": round(path.stat().st_size / 1e6, 1),
    }
    index = build("index", "sqlite", {"path": path, "embedder": "synthetic"})
    queries = [" ".join(words) for words in vocabulary[zipf(random, (QUERIES, QUERY_WORDS))]]
    vectors = SeededEmbedder().embed(["x" * place for place in range(QUERIES)])
    started = time.perf_counter()
    index.search_dense(vectors[:1], [frozenset()], 10)
    index.search_lexical(queries[:1], [frozenset()], 10)
    figures["cold_start_s"] = round(time.perf_counter() - started, 2)
    for label, group in SHARES.items():
        groups = frozenset({"all", "half", "one"} if group is None else {group})
        figures[label] = measure_share(index, queries, vectors, groups)
    figures["refresh after 1 document, ms"] = measure_refresh(index, queries[0], vocabulary, random)
    for name, value in figures.items():
        print(f"{name:32} {value}")
    return figures


def measure_share(index: Any, queries: list[str], vectors: Matrix, groups: frozenset[str]) -> dict[str, Any]:
    """Return p50 and p99 in ms of single queries, and of a batch per query."""
    hybrid = HybridRetriever(index, SeededEmbedder())
    places = range(len(queries))
    steps: dict[str, Callable[[int], Any]] = {
        "dense": lambda place: index.search_dense(vectors[place : place + 1], [groups], 10),
        "lexical": lambda place: index.search_lexical([queries[place]], [groups], 10),
        "hybrid": lambda place: hybrid.retrieve([Query(queries[place], groups)], 10),
    }
    found: dict[str, Any] = {}
    for name, step in steps.items():
        step(0)
        times = [timed(lambda place=place, step=step: step(place)) for place in places]
        found[name] = {
            "p50": round(float(np.percentile(times, 50)), 1),
            "p99": round(float(np.percentile(times, 99)), 1),
        }
    whole = timed(lambda: hybrid.retrieve([Query(text, groups) for text in queries], 10))
    found["hybrid, batch of 200"] = {"per query": round(whole / len(queries), 1)}
    return found


def measure_refresh(index: Any, query: str, vocabulary: Any, random: np.random.Generator) -> float:
    """Return the ms of the first search after one document was replaced."""
    document, chunks = make_document(0, vocabulary, random)
    index.update([document], chunks, make_vectors(len(chunks), random))
    return round(timed(lambda: index.search_lexical([query], [frozenset({"all"})], 10)), 1)


def fill(path: Path, count: int, vocabulary: Any, random: np.random.Generator) -> None:
    index = build("index", "sqlite", {"path": path, "embedder": "synthetic"})
    documents, chunks = [], []
    for number in range(count // CHUNKS_PER_DOCUMENT):
        document, parts = make_document(number, vocabulary, random)
        documents.append(document)
        chunks += parts
        if len(chunks) >= 5000 or number == count // CHUNKS_PER_DOCUMENT - 1:
            index.update(documents, chunks, make_vectors(len(chunks), random))
            documents, chunks = [], []
    index.close()


def make_document(number: int, vocabulary: Any, random: np.random.Generator) -> tuple[Document, list[Chunk]]:
    """Return a document readable by `all`, every second one also by `half`, every hundredth also by `one`."""
    groups = frozenset(
        {"all"} | ({"half"} if number % 2 else set()) | ({"one"} if number % 100 == 0 else set())
    )
    texts = [" ".join(words) for words in vocabulary[zipf(random, (CHUNKS_PER_DOCUMENT, WORDS))]]
    name, chunks, place = f"d{number:06}", [], 0
    for text in texts:
        chunks.append(Chunk(f"{name}@{place:05}", name, text, place, place + len(text), groups))
        place += len(text) + 1
    return Document(name, "", "\n".join(texts), groups=groups), chunks


def make_vectors(count: int, random: np.random.Generator) -> Matrix:
    centres = np.random.default_rng(1).standard_normal((256, DIMENSION))
    rows = centres[random.integers(0, 256, count)] + 0.7 * random.standard_normal((count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def zipf(random: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Draw word numbers by the Zipf-Mandelbrot law; the offset stands for the stop words, so that the commonest is in a fifth of the chunks."""
    cumulated = np.cumsum(1.0 / (np.arange(TERMS) + 60.0))
    return np.searchsorted(cumulated, random.random(shape) * cumulated[-1])


def timed(step: Callable[[], Any]) -> float:
    started = time.perf_counter()
    step()
    return (time.perf_counter() - started) * 1000
