"""Texts that repeat each other: equal after normalisation, or alike in nearly all their words and word pairs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

from knowhow.language import words

SIMILARITY = 0.75
"""Jaccard similarity of words and word pairs from which two texts count as near-duplicates."""


def normalise(text: str) -> str:
    """Return the text as its lower-case words, or stripped when it has none: equal results ask the same."""
    return " ".join(words(text)) or text.strip()


def find_near_duplicates(
    texts: Mapping[str, str], similarity: float = SIMILARITY
) -> list[tuple[str, str, float]]:
    """Return the pairs of keys whose texts are at least `similarity` alike (1.0: the same words), by key order.

    Exact all-pairs search by prefix filtering: a pair that alike shares a shingle among the rarest few of either text.
    """
    shingles = {key: _shingles(text) for key, text in texts.items()}
    frequency = Counter(shingle for found in shingles.values() for shingle in found)
    postings: dict[str, list[str]] = defaultdict(list)
    pairs: list[tuple[str, str, float]] = []
    order = {key: place for place, key in enumerate(texts)}
    for key in sorted(shingles, key=lambda key: (len(shingles[key]), order[key])):
        own = shingles[key]
        rare = sorted(own, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rare[: len(rare) - math.ceil(similarity * len(rare)) + 1]
        seen: set[str] = set()
        for shingle in prefix:
            for other in postings[shingle]:
                if other in seen or len(shingles[other]) < similarity * len(own):
                    continue
                seen.add(other)
                shared = len(own & shingles[other])
                alike = shared / (len(own) + len(shingles[other]) - shared)
                if alike >= similarity:
                    first, second = sorted((key, other), key=order.__getitem__)
                    pairs.append((first, second, alike))
            postings[shingle].append(key)
    return sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _shingles(text: str) -> frozenset[str]:
    tokens = words(text)
    if not tokens:
        return frozenset({text.strip()})
    return frozenset(tokens) | {f"{one} {other}" for one, other in pairwise(tokens)}
