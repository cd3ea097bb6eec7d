"""The advisor as a page: questions as a form that needs no script, the recommendation above it, and the whole advice to print."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from knowhow.errors import ConfigError
from knowhow.serving.failures import RequestError
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.service import Service

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


async def show_advice(request: Request) -> Any:
    """The form; with answers in the address also the recommendation, and with `view=page` the whole advice."""
    service, person = service_of(request), principal_of(request)
    values = parse_qs(request.url.query, max_num_fields=60)
    # What the workspace shows (sizes, counts, groups) is for those who may see its insides.
    sees_workspace = person.may("reviewer")
    header = request.headers.get("accept-language", "")
    text = await service.read(lambda: _render(service, values, header, sees_workspace))
    return _page(text)


def _render(service: Service, values: dict[str, list[str]], header: str, sees_workspace: bool) -> str:
    from knowhow.advisor.advice import advise
    from knowhow.advisor.form import read_form, render_form
    from knowhow.advisor.page import render_page
    from knowhow.advisor.translation import match_language, prefer_language
    from knowhow.workspace.facts import gather_answers, gather_assumptions

    settings = service.workspace.settings
    seen = service.workspace.observe() if sees_workspace else None
    base = gather_answers(seen, settings.goal if sees_workspace else {}, {}, "[goal]")
    try:
        wanted = values.get("lang", [""])[0]
        language = match_language(wanted) if wanted else prefer_language(header)
        answers = read_form(values, base)
    except ConfigError as error:
        raise RequestError(400, str(error), code="wrong_answer") from error
    if "goal" not in values:
        return render_form(base, language)
    advice = advise(answers, gather_assumptions(seen, settings.costs), seen.facts if seen else None)
    if values.get("view") == ["page"]:
        return render_page(advice, language)
    return render_form(answers, language, advice=advice)


def _page(text: str) -> Response:
    """The pages carry their style inside, so that they can be saved and sent; its digest lets in this style and no other."""
    digests = " ".join(
        f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in _STYLE.findall(text)
    )
    policy = f"default-src 'none'; style-src {digests}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


ROUTES = (Route("GET", "/advise", "user", show_advice, "Advice before there is data", None, is_page=True),)
