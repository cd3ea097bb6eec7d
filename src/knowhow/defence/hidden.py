"""Text that a person does not see and a language model does: what of it makes a document worth a look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from knowhow.defence.instructions import find_instructions
from knowhow.language import words

FLAGS = "knowhow.flags"
"""The key of a document's metadata that says what is suspicious about it, as short names joined by commas."""
ORDERS, HIDDEN, INVISIBLE = "orders-to-a-model", "hidden-text", "invisible-characters"
EXPLANATIONS = {
    ORDERS: "it gives orders to a language model",
    HIDDEN: "it holds text that its readers cannot see",
    INVISIBLE: "it holds invisible characters that can carry text",
}

_LEAST_WORDS, _LEAST_WORDS_OFF_PAGE = 5, 12
_TAGS = re.compile("[\U000e0000-\U000e007f]+")
_FLAG_EMOJI = re.compile("\U0001f3f4[\U000e0020-\U000e007f]{2,8}")
_ZERO_WIDTH_RUN = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{6,}")
_INSIDE_WORD = re.compile("(?<=[A-Za-z])[\u200b-\u200d\u2060-\u2064\ufeff](?=[A-Za-z])")
_OVERRIDE = re.compile("[\u202d\u202e][^\u202c\n]*[A-Za-z]{3}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_LEAST_INSIDE = 8


@dataclass(frozen=True, slots=True)
class Concealed:
    """A stretch of text with how it is concealed; `sure` techniques have no honest use for whole sentences, `usual` ones have."""

    text: str
    technique: Literal["sure", "off_page", "usual"]


def find_flags(texts: Iterable[str], concealed: Sequence[Concealed] = ()) -> tuple[str, ...]:
    """Return what is suspicious about a document by its raw texts (before cleaning) and what its loader found concealed, sorted."""
    flags: set[str] = set()
    for text in texts:
        if has_invisible(text):
            flags.add(INVISIBLE)
        if find_instructions(text):
            flags.add(ORDERS)
    if any(_is_suspicious(item) for item in concealed):
        flags.add(HIDDEN)
    return tuple(sorted(flags))


def has_invisible(text: str) -> bool:
    """Say whether invisible characters could carry text: tag characters, runs of zero width, turned-around or selector-coded words."""
    if text.isascii():
        return False
    if _TAGS.search(_FLAG_EMOJI.sub("", text)) or _ZERO_WIDTH_RUN.search(text):
        return True
    return bool(
        _OVERRIDE.search(text) or _SELECTORS.search(text) or len(_INSIDE_WORD.findall(text)) >= _LEAST_INSIDE
    )


def explain_flags(flags: str) -> str:
    """Return a sentence for the flags of a document's metadata."""
    reasons = [EXPLANATIONS.get(name, name) for name in flags.split(",") if name]
    return f"Look at it before you trust it: {', and '.join(reasons)}."


def _is_suspicious(item: Concealed) -> bool:
    if find_instructions(item.text):
        return True
    least = {"sure": _LEAST_WORDS, "off_page": _LEAST_WORDS_OFF_PAGE}.get(item.technique)
    return least is not None and len(words(item.text)) >= least
