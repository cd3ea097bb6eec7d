"""Retrieval quality by dataset and mode, and latency at size, through the same parts that `knowhow ask` uses.

    python benchmarks/retrieval.py                 # quality on the test halves
    python benchmarks/retrieval.py --plain         # also plain BM25 (bm25s; English stemmed without stop words, Chinese as characters and pairs)
    python benchmarks/retrieval.py --latency       # hybrid search over 100,000 synthetic chunks with permissions

Passages of 200 tokens; a document counts at the rank of its first passage. recall@k: any gold document among the first k documents
(all@5: the share of the gold documents); MRR and nDCG over the first 10. Constants were chosen on the training halves (--half train).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from retrieval_latency import measure_latency

from knowhow.config import RetrievalSettings
from knowhow.corpus.chunking import Chunker
from knowhow.passages import passage_text
from knowhow.registry import build
from knowhow.retrieval import build_retriever
from knowhow.storage import digest
from knowhow.types import Chunk, Document, Query

if TYPE_CHECKING:
    from knowhow.protocols import Matrix

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
DEPTH = 100
COLUMNS = ("recall@1", "recall@5", "all@5", "mrr@10", "ndcg@10")
MODES = ("lexical", "dense", "hybrid", "hybrid+proximity")


@dataclass(frozen=True)
class Task:
    """Documents and answerable questions of one dataset in one language."""

    name: str
    folder: str
    language: str = ""


TASKS = (
    Task("squad2_en", "squad2_en"),
    Task("xquad_en", "xquad_en_zh", "en"),
    Task("xquad_zh", "xquad_en_zh", "zh"),
    Task("cmrc2018_zh", "cmrc2018_zh"),
    Task("drcd_zht", "drcd_zht"),
    Task("cranfield_en", "cranfield_en"),
    Task("covidqa_long_en", "covidqa_long_en"),
    Task("policyqa_en", "policyqa_en"),
    Task("multihop_en", "multihop_en"),
)


class CachedEmbedder:
    """Keeps document vectors between runs in a folder, by embedder and texts."""

    def __init__(self, inner: Any, folder: Path | None) -> None:
        self.inner, self.folder = inner, folder
        self.identity, self.languages = inner.identity, inner.languages

    @property
    def dimension(self) -> int:
        """Columns of the matrix."""
        return int(self.inner.dimension)

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return the kept rows, or compute and keep them."""
        if self.folder is None or not texts:
            return self.inner.embed(texts)
        path = self.folder / f"{digest(self.identity + chr(0).join(texts))[:32]}.npy"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(path, self.inner.embed(texts))
        return np.load(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_task(task: Task, half: str) -> tuple[list[Document], list[dict[str, Any]]]:
    """Return documents and the answerable questions of one half."""
    documents = [
        Document(row["id"], row["title"], row["text"], row["source"], language=row["lang"])
        for row in read_rows(DATA / task.folder / "documents.jsonl")
        if not task.language or row["lang"] == task.language
    ]
    questions = [
        row
        for row in read_rows(DATA / task.folder / "questions.jsonl")
        if row["answerable"]
        and row["meta"]["split"] == half
        and (not task.language or row["lang"] == task.language)
    ]
    return documents, questions


def score(runs: Iterable[Sequence[str]], questions: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of every column over rankings of document ids."""
    totals = dict.fromkeys(COLUMNS, 0.0)
    for run, question in zip(runs, questions, strict=True):
        gold = set(question["gold_document_ids"])
        ignored = set(question["meta"].get("ignore_document_ids", ()))
        ranking = [name for name in dict.fromkeys(run) if name not in ignored][:10]
        found = [rank for rank, name in enumerate(ranking, start=1) if name in gold]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(gold)) + 1))
        totals["recall@1"] += bool(gold & set(ranking[:1]))
        totals["recall@5"] += bool(gold & set(ranking[:5]))
        totals["all@5"] += len(gold & set(ranking[:5])) / len(gold)
        totals["mrr@10"] += 1 / found[0] if found else 0.0
        totals["ndcg@10"] += sum(1 / math.log2(rank + 1) for rank in found) / ideal
    return {name: total / len(questions) for name, total in totals.items()}


def search(chunks: Sequence[Chunk], documents: Sequence[Document], embedder: Any) -> Callable[..., Any]:
    """Index everything and return (mode, questions) -> rankings of document ids."""
    index = build(
        "index",
        "sqlite",
        {"path": Path(tempfile.mkdtemp()) / "index.sqlite", "embedder": embedder.identity},
    )
    index.update(documents, chunks, embedder.embed([passage_text(chunk) for chunk in chunks]))

    def run(mode: str, questions: Sequence[dict[str, Any]]) -> list[list[str]]:
        name, _, reranker = mode.partition("+")
        settings = replace(RetrievalSettings(), mode=name, reranker=reranker)
        retriever = build_retriever(settings, index, embedder)
        found = retriever.retrieve([Query(question["question"]) for question in questions], DEPTH)
        return [[hit.chunk.document_id for hit in hits] for hits in found]

    return run


def search_plain(
    documents: Sequence[Document], questions: Sequence[dict[str, Any]], is_cjk: bool
) -> list[list[str]]:
    """Rank whole documents with bm25s at its defaults: the plain reference."""
    import bm25s
    import snowballstemmer

    stem = snowballstemmer.stemmer("english").stemWord

    def split(texts: list[str]) -> Any:
        if is_cjk:
            return [[*text, *map("".join, pairwise(text))] for text in map(str.lower, texts)]
        return bm25s.tokenize(
            texts, stopwords="en", stemmer=lambda words: [stem(word) for word in words], show_progress=False
        )

    engine = bm25s.BM25()
    engine.index(split([f"{document.title}\n{document.text}" for document in documents]), show_progress=False)
    tokens = split([question["question"] for question in questions])
    places, _ = engine.retrieve(tokens, k=min(DEPTH, len(documents)), show_progress=False)
    return [[documents[place].id for place in row] for row in places]


def measure_quality(arguments: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """Print one line per dataset and mode."""
    embedder = CachedEmbedder(build("embedder", "minilm", {"threads": arguments.threads}), arguments.cache)
    chunker = Chunker(embedder.inner.tokenizer)
    results: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'dataset':16} {'mode':18} {'n':>5} " + " ".join(f"{name:>9}" for name in COLUMNS))
    for task in TASKS:
        if arguments.datasets and task.name not in arguments.datasets:
            continue
        documents, questions = read_task(task, arguments.half)
        if not questions:
            print(f"{task.name:16} has no questions in the {arguments.half} half")
            continue
        chunks = [chunk for document in documents for chunk in chunker.split(document)]
        run = search(chunks, documents, embedder)
        found = {mode: score(run(mode, questions), questions) for mode in arguments.modes}
        if arguments.plain:
            is_cjk = documents[0].language.startswith("zh")
            found = {"plain BM25": score(search_plain(documents, questions, is_cjk), questions), **found}
        results[task.name] = found
        for mode, values in found.items():
            print(
                f"{task.name:16} {mode:18} {len(questions):5} "
                + " ".join(f"{values[name]:9.4f}" for name in COLUMNS)
            )
            sys.stdout.flush()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("train", "test"), default="test")
    parser.add_argument("--datasets", nargs="*", default=[], choices=[task.name for task in TASKS])
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=MODES)
    parser.add_argument("--plain", action="store_true", help="also plain BM25 (needs: pip install bm25s)")
    parser.add_argument("--latency", action="store_true", help="measure latency instead of quality")
    parser.add_argument(
        "--chunks", type=int, default=100_000, help="size of the synthetic index for --latency"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder that keeps vectors between runs")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    results: Any = measure_latency(arguments.chunks) if arguments.latency else measure_quality(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
