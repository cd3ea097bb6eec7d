"""Templates: autoescaped, with the few helpers that pages need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

from knowhow.serving.failures import RequestError
from knowhow.serving.keys import Principal
from knowhow.types import Answer, Chunk, Citation, Document

FOLDER = Path(__file__).parent
STATIC = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an answer: plain text, or the marker of source `number`."""

    text: str
    number: int = 0


def render(
    template: str, principal: Principal | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page; every value is escaped."""
    text = _environment().get_template(template).render(principal=principal, **values)
    return HTMLResponse(text, status)


def split_answer(answer: Answer) -> list[Piece]:
    """Cut an answer at the markers of its citations, so that a page can link them; other text stays text."""
    known = {citation.number for citation in answer.citations}
    pieces, done = [], 0
    for match in _MARKER.finditer(answer.text):
        if int(match[1]) in known:
            pieces += [Piece(answer.text[done : match.start()]), Piece(match[0], int(match[1]))]
            done = match.end()
    return [piece for piece in (*pieces, Piece(answer.text[done:])) if piece.text]


def link_passage(place: Citation | Chunk) -> str:
    """Return the address of the page that shows a citation or a passage highlighted in its document."""
    span = urlencode({"start": place.start, "end": place.end})
    return f"/documents/{quote(place.document_id)}?{span}#passage"


def cut_passage(document: Document, start: int, end: int) -> tuple[str, str, str]:
    """Return the text before, in and after a passage; an impossible span highlights nothing."""
    if not 0 <= start < end <= len(document.text):
        return document.text, "", ""
    return document.text[:start], document.text[start:end], document.text[end:]


def show_moment(stamp: str) -> str:
    """Return a stamp of a log to the minute, in UTC."""
    return f"{stamp[:10]} {stamp[11:16]} UTC"


def read_static(name: str) -> bytes:
    """Return a file that pages load."""
    return (FOLDER / "static" / name).read_bytes()


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(link_passage=link_passage, split_answer=split_answer)
    environment.filters["moment"] = show_moment
    return environment


def show_failure(error: RequestError, headers: Headers) -> Response:
    """Return an error as a page for browsers, as JSON for programs."""
    if "text/html" in headers.get("accept", ""):
        page = render("failure.html", status=error.status, message=error.message)
        page.headers.update(error.headers)
        return page
    return JSONResponse(error.body, error.status, error.headers)
