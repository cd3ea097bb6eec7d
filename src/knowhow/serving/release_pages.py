"""The pages about releases and reviews: who released what and why, moving the pointer, and judging what people said."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse

from knowhow.advisor.text import say
from knowhow.releases.feedback import is_readable
from knowhow.serving.api_routes import keep_review
from knowhow.serving.failures import RequestError
from knowhow.serving.forms import read_form
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.schemas import ReviewRequest
from knowhow.workspace.feedback import measure_agreement

_SHOWN = 50


async def show_releases(request: Request) -> Any:
    """Releases with their proof, and the log."""
    service = service_of(request)
    catalog = service.workspace.releases
    releases = await service.read(catalog.releases)
    standing = await service.read(service.answerer.standing)
    events = await service.read(catalog.events)
    return render(request, "releases.html", releases=releases[::-1], standing=standing, events=events[::-1])


async def post_promote(request: Request) -> Any:
    """Promote from the page."""
    service, person = service_of(request), principal_of(request)
    form = await read_form(request)
    alias = "challenger" if form.get("alias") == "challenger" else "champion"
    await service.read(
        lambda: service.workspace.promote(form.get("release", ""), by=person.name, reason=form.get("reason", ""), alias=alias)
    )  # fmt: skip
    return RedirectResponse("/releases", 303)


async def post_rollback(request: Request) -> Any:
    """Roll back from the page."""
    service, person = service_of(request), principal_of(request)
    form = await read_form(request)
    await service.read(
        lambda: service.workspace.releases.rollback(by=person.name, reason=form.get("reason", ""), to=form.get("to", ""))
    )  # fmt: skip
    return RedirectResponse("/releases", 303)


async def show_review(request: Request) -> Any:
    """What waits for a verdict."""
    service, person = service_of(request), principal_of(request)
    waiting = [
        item
        for item in await service.read(service.feedback.waiting)
        if is_readable(item.feedback, person.groups)
    ]
    agreement = await service.read(lambda: measure_agreement(service.workspace.settings))
    return render(
        request,
        "review.html",
        waiting=waiting[:_SHOWN],
        total=len(waiting),
        agreement=agreement,
        needed=service.settings.reviewers,
    )


async def post_review(request: Request) -> Any:
    """Keep a verdict from the page."""
    service, person = service_of(request), principal_of(request)
    form = await read_form(request)
    verdict = form.get("verdict", "")
    if verdict not in ("right", "wrong", "wrong_source"):
        raise RequestError(400, say("Choose a verdict."), code="invalid", param="verdict")
    answer = form.get("answer", "") if verdict == "wrong" else ""
    body = ReviewRequest(verdict=verdict, answer=answer, document=form.get("document", ""), quote=form.get("quote", ""))  # type: ignore[arg-type]  # fmt: skip
    await service.read(lambda: keep_review(service, person, form.get("feedback", ""), body))
    return RedirectResponse("/review", 303)


ROUTES: tuple[Route, ...] = (
    page("GET", "/releases", "reviewer", show_releases, "Releases"),
    page("POST", "/releases/promote", "admin", post_promote, "Promote"),
    page("POST", "/releases/rollback", "admin", post_rollback, "Roll back"),
    page("GET", "/review", "reviewer", show_review, "Review"),
    page("POST", "/review", "reviewer", post_review, "Review"),
)
