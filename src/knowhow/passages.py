"""A chunk as the text that is embedded and indexed: the one wording that ingest, search and retriever training share."""

from __future__ import annotations

from knowhow.types import Chunk

_MAX_BREADCRUMB = 160


def embedding_text(chunk: Chunk) -> str:
    """Return heading path (or the title where there is none) plus the chunk's text, without saying the heading twice."""
    place = breadcrumb(chunk)
    return f"{place}\n{chunk.text}" if place else chunk.text


def breadcrumb(chunk: Chunk) -> str:
    """Return the heading path of a chunk as one short line; a heading with which the text itself begins is left out."""
    path = list(chunk.heading) or ([chunk.title] if chunk.title else [])
    first_line = chunk.text.lstrip("#= \n").partition("\n")[0].strip(" #*")
    if path and first_line.startswith(path[-1].strip()):
        path.pop()
    return " > ".join(path)[-_MAX_BREADCRUMB:]
