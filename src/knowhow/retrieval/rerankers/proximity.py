"""A reranker without a model: how much of the question one single sentence of the passage says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.language import sentences
from knowhow.registry import register
from knowhow.retrieval.analysis import analyze


@register("reranker", "proximity")
@dataclass(frozen=True)
class ProximityReranker:
    """Scores a passage by its best sentence together with its first line (title or heading).

    The score is the share of the question's inverse document frequency covered, counted over the given passages alone, so that it
    depends on nothing that the asker may not read.
    """

    weight: float = 0.1

    def score(self, queries: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[float]]:
        """One score from 0 to 1 per passage of each query."""
        return [_score(query, texts) for query, texts in zip(queries, passages, strict=True)]


def _score(query: str, passages: Sequence[str]) -> list[float]:
    wanted = frozenset(analyze(query))
    windows = [_windows(passage, wanted) for passage in passages]
    frequencies = Counter(term for parts in windows for term in frozenset().union(*parts))
    weights = {
        term: math.log(1 + (len(passages) - frequencies[term] + 0.5) / (frequencies[term] + 0.5))
        for term in wanted
    }
    whole = sum(weights[term] for term in sorted(wanted)) or 1.0
    return [
        max(sum(weights[term] for term in sorted(window)) for window in parts) / whole for parts in windows
    ]


def _windows(passage: str, wanted: frozenset[str]) -> list[frozenset[str]]:
    first, _, rest = passage.partition("\n")
    always = wanted.intersection(analyze(first))
    return [always | wanted.intersection(analyze(rest[start:end])) for start, end in sentences(rest)] or [
        always
    ]
