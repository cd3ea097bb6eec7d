"""Ingest a folder in a process of its own that a test may kill: `python ingest_process.py FOLDER STATE`."""

import sys
from pathlib import Path

from knowhow.corpus import writing
from knowhow.corpus.sync import Corpus
from knowhow.language import words
from knowhow.progress import set_quiet
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.testing.fakes import FakeEmbedder


def count_words(text: str) -> int:
    return len(words(text))


def corpus(folder: Path, state: Path) -> Corpus:
    return Corpus(folder, state / "ingest.jsonl", FakeEmbedder, lambda: count_words, workers=1)


def index(state: Path) -> SqliteIndex:
    return SqliteIndex(state / "index.sqlite", "fake")


def main() -> None:
    set_quiet(True)
    writing.MAX_CHUNKS = 12
    folder, state = Path(sys.argv[1]), Path(sys.argv[2])
    opened = index(state)
    corpus(folder, state).sync(opened)
    opened.close()


if __name__ == "__main__":
    main()
