"""Pages: templates filled in the reader's language, every value escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from knowhow.advisor.text import Text, say
from knowhow.serving import moments, passages
from knowhow.serving.failures import RequestError
from knowhow.serving.keys import Principal
from knowhow.serving.languages import choose_language, language_links, remember_language, show, speak
from knowhow.serving.words import find_word

FOLDER = Path(__file__).parent
STATIC: Mapping[str, str] = {
    "app.css": "text/css; charset=utf-8",
    **dict.fromkeys(
        ("app.js", "page.js", "advise.js", "ask.js", "upload.js", "tasks.js"),
        "text/javascript; charset=utf-8",
    ),
}
NAVIGATION: tuple[tuple[str, Text, str], ...] = (
    ("/ask", say("Ask"), "user"),
    ("/documents", say("Documents"), "user"),
    ("/advise", say("Advice"), "user"),
    ("/examples", say("Examples"), "reviewer"),
    ("/compare", say("Compare"), "reviewer"),
    ("/train", say("Train"), "reviewer"),
    ("/review", say("Review"), "reviewer"),
    ("/releases", say("Releases"), "reviewer"),
    ("/health", say("Health"), "admin"),
)
"""Address, word and the role from which a page is shown."""


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page for whoever asks, in their language."""
    language = choose_language(request)
    principal: Principal | None = request.scope.get("state", {}).get("principal")
    if principal is not None and principal.id == "anonymous":
        principal = None
    shown = [
        (path, show(language, word), request.url.path == path or request.url.path.startswith(f"{path}/"))
        for path, word, role in NAVIGATION
        if principal is not None and principal.may(role)  # type: ignore[arg-type]
    ]
    text = _environment().get_template(template).render(
        principal=principal,
        language=language,
        languages=language_links(request),
        navigation=shown,
        t=speak(language),
        show=lambda value: show(language, value),
        word=lambda kind, name: show(language, find_word(kind, name)),
        **values,
    )  # fmt: skip
    response = HTMLResponse(text, status)
    remember_language(request, response, language)
    return response


def show_failure(error: RequestError, request: Request) -> Response:
    """Return an error as a page for browsers, as JSON for programs."""
    if "text/html" in request.headers.get("accept", ""):
        page = render(request, "failure.html", status=error.status, message=error.words)
        page.headers.update(error.headers)
        return page
    return JSONResponse(error.body, error.status, error.headers)


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
    environment.globals.update(
        link_passage=passages.link_passage, split_answer=passages.split_answer, quote=quote
    )
    environment.filters.update(
        moment=moments.show_moment, clock=moments.show_clock, duration=moments.show_duration,
        share=lambda value: f"{100 * value:.0f}%", percent=lambda value: "–" if value is None else f"{100 * value:.0f}%",
        seconds=lambda value: "–" if value is None else f"{value:.2f} s", figure=lambda value: "–" if value is None else f"{value:.2f}",
    )  # fmt: skip
    return environment
