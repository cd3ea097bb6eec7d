"""A chunk as the text that is searched: the one wording that ingest, index and retriever training share."""

from __future__ import annotations

from knowhow.types import Chunk


def passage_text(chunk: Chunk) -> str:
    """Return title, heading path and text, one line each, without a heading that repeats the title: this is embedded and indexed."""
    headings = [heading for heading in chunk.heading if heading and heading != chunk.title]
    return "\n".join(part for part in (chunk.title, " > ".join(headings), chunk.text) if part)
