"""The content of an answer apart from its form: citation markers and known section headings taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from knowhow.formats import split_sections
from knowhow.language import is_cjk
from knowhow.types import Answer, Example

_MARKERS = re.compile(r"[ \t]*\[\d{1,3}(?:\s*[,，;–-]\s*\d{1,3})*\]")


def strip_markers(text: str) -> str:
    """Return `text` without citation markers such as [1] or [2, 3]."""
    return _MARKERS.sub("", text)


def strip_form(text: str, sections: Sequence[str] = (), section: str = "") -> str:
    """Return the content: markers and headings removed, or only what stands under the heading `section` where it occurs."""
    headings = tuple(sections)
    if section:
        under = split_sections(text, headings if section in headings else (*headings, section))
        if section in under:
            return strip_markers(under[section]).strip()
    for heading in headings:
        text = text.replace(heading, "\n")
    return re.sub(r"\n{2,}", "\n", strip_markers(text)).strip()


def is_character_based(example: Example) -> bool:
    """Say whether the example's references (or, without any, its question) are written in Chinese or Japanese characters."""
    return any(map(is_cjk, example.references)) if example.references else is_cjk(example.question)


def best_over_references(example: Example, text: str, compare: Callable[[str, str], float]) -> float:
    """Return the highest score of `text` over the references; 0 without any."""
    return max((compare(text, settle_layout(reference)) for reference in example.references), default=0.0)


def delivered_text(answer: Answer, sections: Sequence[str] = (), section: str = "") -> str:
    """Return the content that was delivered; empty for an abstention."""
    if answer.abstained:
        return ""
    value = read_structure(answer.text)
    return strip_form(answer.text, sections, section) if value is None else write_structure(value)


def read_structure(text: str) -> Any:
    """Return the JSON object or list that a text is, None for any other text (a lone marker such as [1] included)."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_structure = isinstance(value, dict) or (
        isinstance(value, list) and not all(isinstance(item, int) for item in value)
    )
    return value if is_structure else None


def write_structure(value: Any) -> str:
    """Return a JSON value in one layout, so that spacing and the order of keys make no difference."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def settle_layout(text: str) -> str:
    """Return structured text in one layout, any other text as it is."""
    value = read_structure(text)
    return text if value is None else write_structure(value)
