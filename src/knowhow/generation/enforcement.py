"""Keeping an answer to its form: mend what can be mended without the model, and say what to ask the model for otherwise."""

from __future__ import annotations

import json
import re

from knowhow.formats import find_violations
from knowhow.generation.wording import find_wording
from knowhow.language import sentences, words
from knowhow.types import Conversation, Format, Message, Role

_FENCED = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)


def mend(text: str, form: Format) -> str:
    """Return `text` with slips of form mended that leave its content alone; it may still violate the form.

    White space and code fences around JSON go, so does text before the first section and before or after the one JSON value;
    sentences beyond the greatest length are dropped from the end.
    """
    mended = text.strip()
    if form.schema:
        return _take_json(mended)
    if form.sections and mended.count(form.sections[0]) == 1:
        mended = mended[mended.find(form.sections[0]) :]
    return _shorten(mended, form)


def ask_again(
    conversation: Conversation, text: str, violations: tuple[str, ...], language: str
) -> Conversation:
    """Return the conversation that shows the model its text and what it violates, and asks for it once more."""
    demand = find_wording(language).repair.format(violations=" ".join(violations))
    return (*conversation, Message(Role.ASSISTANT, text), Message(Role.USER, demand))


def _take_json(text: str) -> str:
    fenced = _FENCED.search(text)
    inside = fenced[1].strip() if fenced else text
    start = next((place for place, character in enumerate(inside) if character in '{["'), None)
    if start is None:
        return inside
    try:
        _, length = json.JSONDecoder().raw_decode(inside[start:])
    except (json.JSONDecodeError, RecursionError):
        return inside
    return inside[start : start + length]


def _shorten(text: str, form: Format) -> str:
    if not _is_long(text, form):
        return text
    ends = [end for _, end in sentences(text)]
    for end in reversed(ends[:-1]):
        shorter = text[:end].rstrip()
        # A section that lost its content is worse than one that is too long.
        if not _is_long(shorter, form) and not find_violations(shorter, Format(sections=form.sections)):
            return shorter
    return text


def _is_long(text: str, form: Format) -> bool:
    return (form.max_characters is not None and len(text) > form.max_characters) or (
        form.max_words is not None and len(words(text)) > form.max_words
    )
