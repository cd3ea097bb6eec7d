"""Purge measured: 100 of 1,000 documents with unique words in every place, looked for afterwards by a search of its own.

    python benchmarks/deletion.py [--documents 1000] [--purge 100]

Prints the figures of docs/experiments.md: seconds, words found in the whole workspace by a plain byte search (UTF-8, UTF-16 in both
orders, base64), vectors found, and whether the documents that stay are still found by their own words.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.unit.deletion.learners import compare, make_workspace, places_of, token

from knowhow.deletion.patterns import PatternSet
from knowhow.progress import set_quiet
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.workspace import Workspace


def forms(word: str) -> list[bytes]:
    """Return the byte forms of a word that are searched for."""
    plain = word.encode()
    coded = [base64.b64encode(b"\0" * shift + plain)[2 * (shift > 0) + shift // 2 : -4] for shift in range(3)]
    return [plain, word.encode("utf-16-le"), word.encode("utf-16-be"), *coded]


def count_hits(folder: Path, patterns: PatternSet) -> int:
    """Return how many patterns lie in all files and file names under a folder."""
    hits = 0
    for path in folder.rglob("*"):
        hits += len(patterns.find(str(path).encode()))
        hits += len(patterns.find_in_file(path)) if path.is_file() else 0
    return hits


def main() -> None:
    """Build, use, purge, search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--purge", type=int, default=100)
    chosen = parser.parse_args()
    set_quiet(True)
    with tempfile.TemporaryDirectory() as folder:
        root = make_workspace(Path(folder) / "w", chosen.documents)
        compare(root)
        gone = range(0, chosen.documents, chosen.documents // chosen.purge)[: chosen.purge]
        words = PatternSet(form for number in gone for word in places_of(number) for form in forms(word))
        names = [f"{token(number, 'file')}.md" for number in gone]
        with closing(SqliteIndex(root / ".knowhow" / "index.sqlite")) as index:
            vectors = PatternSet(vector.lstrip(b"\0") for vector in index.vectors_of(names))
        before = count_hits(root, words), count_hits(root, vectors)
        started = time.perf_counter()
        with Workspace(root) as workspace:
            receipt = workspace.purge(names, with_sources=True, reason="benchmark")
            seconds = time.perf_counter() - started
            found = sum(
                workspace.ask([f"Where is {token(number, 'body')} kept?"])[0].hits[0].chunk.document_id
                == f"{token(number, 'file')}.md"
                for number in range(1, 41)
                if number not in gone
            )
            started = time.perf_counter()
            workspace.purge([f"{token(1, 'file')}.md"])
            single = time.perf_counter() - started
        stay = sum(number not in gone for number in range(1, 41))
        print(
            f"documents {chosen.documents}, purged {len(names)} in {seconds:.1f} s; one more alone in {single:.1f} s"
        )
        print(f"words and forms searched {len(words.patterns)}, vectors {len(vectors.patterns)}")
        print(
            f"hits before {before[0]} and {before[1]}, after {count_hits(root, words)} and {count_hits(root, vectors)}"
        )
        print(
            f"own scan: {receipt.scan.files} files, {receipt.scan.bytes} bytes, {receipt.scan.patterns} patterns, {receipt.scan.hits} hits"
        )
        print(f"documents that stay and are still found first: {found} of {stay}")


if __name__ == "__main__":
    main()
