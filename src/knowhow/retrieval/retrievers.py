"""Dense, lexical and hybrid retrieval over an index: one embedding call and one search of each kind per batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from knowhow.errors import BackendError
from knowhow.language import CJK
from knowhow.protocols import Embedder, Index
from knowhow.retrieval.candidates import Candidates
from knowhow.retrieval.fusion import fuse, rank_lexical
from knowhow.timing import measure
from knowhow.types import Candidate, Hit, Query

Result = TypeVar("Result")
_ATTEMPTS = 20
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_WORD = re.compile(rf"[^\W\d_{CJK}]+")


@dataclass(frozen=True)
class DenseRetriever:
    """Ranks by cosine of question and passage; score: the cosine."""

    index: Index
    embedder: Embedder

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first."""
        if not queries:
            return []
        with measure("embed"):
            vectors = self.embedder.embed([query.text for query in queries])
        with measure("search"):
            return self.index.search_dense(vectors, [query.groups for query in queries], k)


@dataclass(frozen=True)
class LexicalRetriever:
    """Ranks by shared terms; score: relevance from 0 to 1 (see fusion)."""

    index: Index
    candidates: int = 100

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first."""
        depth = max(k, self.candidates)
        texts, groups = [query.text for query in queries], [query.groups for query in queries]

        def search() -> list[list[Hit]]:
            candidates = Candidates(self.index)
            return candidates.read(
                [rank_lexical(found, k) for found in candidates.rank_lexical(texts, groups, depth)]
            )

        with measure("search"):
            return on_one_version(self.index, search)


@dataclass(frozen=True)
class HybridRetriever:
    """Fuses both; a question in a script that the embedder does not understand is answered by terms alone."""

    index: Index
    embedder: Embedder
    candidates: int = 100

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first."""
        depth = max(k, self.candidates)
        texts, groups = [query.text for query in queries], [query.groups for query in queries]
        understood = [place for place, text in enumerate(texts) if understands(self.embedder, text)]
        with measure("embed"):
            vectors = self.embedder.embed([texts[place] for place in understood]) if understood else None

        def search() -> list[list[Hit]]:
            candidates = Candidates(self.index)
            lexical = candidates.rank_lexical(texts, groups, depth)
            dense: dict[int, list[Candidate]] = {}
            if vectors is not None:
                readable = [groups[place] for place in understood]
                found = candidates.rank_dense(vectors, readable, depth)
                dense = dict(zip(understood, found, strict=True))
            return candidates.read(
                [
                    fuse(dense[place], items, k, depth) if place in dense else rank_lexical(items, k)
                    for place, items in enumerate(lexical)
                ]
            )

        with measure("search"):
            return on_one_version(self.index, search)


def on_one_version(index: Index, search: Callable[[], Result]) -> Result:
    """Return what `search` found while the index stood still, so that its parts never mix two states."""
    version = index.version
    for _ in range(_ATTEMPTS):
        found = search()
        seen, version = version, index.version
        if seen == version:
            return found
    raise BackendError(
        "The index was changed again and again while it was searched. Try again.",
        engine="retrieval",
        retryable=True,
    )


def understands(embedder: Embedder, text: str) -> bool:
    """Say whether the embedder places a text in this script meaningfully, by the `languages` it declares (none: all)."""
    languages: frozenset[str] = getattr(embedder, "languages", frozenset())
    if not languages or languages & {"zh", "ja"}:
        return True
    return len(_CJK_CHARACTER.findall(text)) <= len(_WORD.findall(text))
