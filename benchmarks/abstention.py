"""Where to put `[retrieval] threshold`: what it refuses of answerable and of unanswerable questions, by dataset and half.

    python benchmarks/abstention.py                # training halves, on which the default was chosen
    python benchmarks/abstention.py --half test

An unanswerable question is one whose document was withdrawn from the corpus (nq_oracle_en, cmrc2018_zh) or that no document of the
bank example covers. refused: share of questions whose best hit is less relevant than the threshold.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from retrieval import DATA, read_rows

from knowhow.config import RetrievalSettings, load_settings
from knowhow.corpus.chunking import Chunker
from knowhow.evaluation.examples import read_examples
from knowhow.generation.abstention import relevance
from knowhow.passages import passage_text
from knowhow.protocols import Retriever
from knowhow.registry import build
from knowhow.retrieval import build_retriever
from knowhow.types import Document, Query
from knowhow.workspace import Workspace

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
K = 5


def main() -> None:
    """Print a table per dataset."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("train", "test"), default="train")
    half = parser.parse_args().half
    print(f"{'dataset':14} {'questions':22} {'n':>5} " + " ".join(f"<{limit:<5}" for limit in THRESHOLDS))
    for name in ("nq_oracle_en", "cmrc2018_zh"):
        retriever = _index(DATA / name)
        rows = read_rows(DATA / name / "questions.jsonl")
        for is_answerable in (True, False):
            # Withdrawn questions all belong to the test half, so they are shown with either half of the others.
            texts = [
                Query(row["question"])
                for row in rows
                if row["answerable"] == is_answerable and (not is_answerable or row["meta"]["split"] == half)
            ]
            _print(name, is_answerable, retriever, texts)
    if half == "test":
        _print_bank()


def _index(folder: Path) -> Retriever:
    embedder = build("embedder", "minilm", {})
    chunker = Chunker(embedder.tokenizer)
    documents = [
        Document(row["id"], row["title"], row["text"], row["source"], language=row["lang"])
        for row in read_rows(folder / "documents.jsonl")
    ]
    chunks = [chunk for document in documents for chunk in chunker.split(document)]
    path = Path(tempfile.mkdtemp()) / "index.sqlite"
    index = build("index", "sqlite", {"path": path, "embedder": embedder.identity})
    index.update(documents, chunks, embedder.embed([passage_text(chunk) for chunk in chunks]))
    return build_retriever(RetrievalSettings(), index, embedder)


def _print_bank() -> None:
    source = Path(__file__).resolve().parents[1] / "examples" / "bank-support"
    settings = load_settings(source)
    with tempfile.TemporaryDirectory() as folder:
        from dataclasses import replace
        from shutil import copytree

        copytree(source, folder, dirs_exist_ok=True)
        with Workspace(folder, replace(settings, root=Path(folder))) as workspace:
            workspace.ingest()
            examples = read_examples(source / settings.examples.path).examples
            for is_answerable in (True, False):
                chosen = [example for example in examples if example.is_answerable == is_answerable]
                queries = [Query(example.question, example.groups) for example in chosen]
                _print("bank-support", is_answerable, workspace.components.retriever(), queries)


def _print(name: str, is_answerable: bool, retriever: Retriever, queries: Sequence[Query]) -> None:
    best = [max((relevance(hit) for hit in hits), default=0.0) for hits in retriever.retrieve(queries, K)]
    shares: list[Any] = [float(np.mean(np.array(best) < limit)) for limit in THRESHOLDS]
    kind = "answerable" if is_answerable else "unanswerable"
    print(f"{name:14} {kind:22} {len(queries):5} " + " ".join(f"{share:6.3f}" for share in shares))


if __name__ == "__main__":
    main()
