"""A text that has begun to repeat itself without end: small models do that, and every further token is wasted."""

from __future__ import annotations

import math
import re

_LEAST_REPEATS = 3
_LEAST_CHARACTERS = 60
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$|[\u3000-\u9fff])|\n")


def find_loop(text: str) -> int | None:
    """Return how many characters to keep of a text that ends in a loop, None where it does not.

    A loop is one unit three times in a row or more, at least 60 characters in all. One occurrence is kept, up to its last
    sentence end where it has one.
    """
    for size in range(1, len(text) // _LEAST_REPEATS + 1):
        repeats = max(_LEAST_REPEATS, math.ceil(_LEAST_CHARACTERS / size))
        if text[-size:] == text[-2 * size : -size] and text.endswith(text[-size:] * repeats):
            kept = len(text) - (repeats - 1) * size
            ends = [found.end() for found in _SENTENCE_END.finditer(text, max(0, kept - size), kept)]
            return len(text[: ends[-1] if ends else kept].rstrip())
    return None
