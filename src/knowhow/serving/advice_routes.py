"""The advisor as a page: questions as a form that needs no script, the recommendation above it, and the whole advice to print."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from knowhow.errors import ConfigError
from knowhow.serving.failures import RequestError
from knowhow.serving.languages import choose_language, remember_language
from knowhow.serving.policy import allow_own_styles
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.service import Service


async def show_advice(request: Request) -> Any:
    """The form; with answers in the address also the recommendation, and with `view=page` the whole advice."""
    service, person = service_of(request), principal_of(request)
    values = parse_qs(request.url.query, max_num_fields=60)
    # What the workspace shows (sizes, counts, groups) is for those who may see its insides.
    sees_workspace = person.may("reviewer")
    language = choose_language(request)
    text = await service.read(lambda: _render(service, values, language, sees_workspace))
    if values.get("view") != ["page"] or "goal" not in values:
        return render(request, "advise.html", form=_cut_form(text))
    response = allow_own_styles(HTMLResponse(text))
    remember_language(request, response, language)
    return response


def _cut_form(text: str) -> Markup:
    """Return the form of the advisor's own page, without its choice of language: our pages have one."""
    inner = text.partition("<main>")[2].partition("</main>")[0]
    # The advisor's template has escaped every value already.
    return Markup(inner[: inner.index("<nav")] + inner.partition("</nav>")[2])


def _render(service: Service, values: dict[str, list[str]], language: str, sees_workspace: bool) -> str:
    from knowhow.advisor.advice import advise
    from knowhow.advisor.form import read_form, render_form
    from knowhow.advisor.page import render_page
    from knowhow.advisor.translation import match_language
    from knowhow.workspace.facts import gather_answers, gather_assumptions

    settings = service.workspace.settings
    seen = service.workspace.observe() if sees_workspace else None
    base = gather_answers(seen, settings.goal if sees_workspace else {}, {}, "[goal]")
    try:
        wanted = values.get("lang", [""])[0]
        language = match_language(wanted) if wanted else language
        answers = read_form(values, base)
    except ConfigError as error:
        raise RequestError(400, str(error), code="wrong_answer") from error
    if "goal" not in values:
        return render_form(base, language)
    advice = advise(
        answers,
        gather_assumptions(seen, settings.costs),
        seen.facts if seen else None,
        measurement=seen.measurement if seen else None,
    )
    if values.get("view") == ["page"]:
        return render_page(advice, language)
    return render_form(answers, language, advice=advice)


ROUTES = (Route("GET", "/advise", "user", show_advice, "Advice before there is data", None, is_page=True),)
