"""The web pages: rendered here, usable without JavaScript, which only adds streaming and uploads."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from knowhow.releases.feedback import is_readable
from knowhow.serving.api_routes import keep_review
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.guard import read_cookie
from knowhow.serving.rendering import STATIC, cut_passage, read_static, render
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.schemas import FeedbackRequest, ReviewRequest
from knowhow.serving.service import MODEL
from knowhow.serving.sessions import COOKIE, LIFETIME_SECONDS
from knowhow.types import Query
from knowhow.workspace.feedback import measure_agreement

_MOST_FIELDS = 60


async def show_home(request: Request) -> Any:
    """One next step, and where everything stands."""
    service, person = service_of(request), principal_of(request)
    records = await service.read(lambda: service.records(person))
    standing = await service.read(service.answerer.standing)
    waiting = 0
    if person.may("reviewer"):
        items = await service.read(service.feedback.waiting)
        waiting = sum(is_readable(item.feedback, person.groups) for item in items)
    return render(
        "home.html", person, documents=len(records), standing=standing, waiting=waiting, fallback=service.answerer.fallback
    )  # fmt: skip


async def show_ask(request: Request) -> Any:
    """The question form."""
    return render("ask.html", principal_of(request), question="", given=None, answer_id="", error="")


async def post_ask(request: Request) -> Any:
    """Answer without JavaScript."""
    service, person = service_of(request), principal_of(request)
    question = (await _form(request)).get("question", "").strip()
    if not question:
        return render(
            "ask.html", person, question="", given=None, answer_id="", error="Write a question first."
        )
    try:
        job = service.ask(person, Query(question, person.groups), MODEL)
        answer = service.deliver(job, person, await service.wait(job, request))
    except RequestError as error:
        return render(
            "ask.html", person, error.status, question=question, given=None, answer_id="", error=error.message
        )
    return render("ask.html", person, question=question, given=answer, answer_id=job.id, error="")


async def show_answer(request: Request, name: str) -> Any:
    """One answer with its sources and the feedback form, as a fragment for the page that streamed it."""
    service, person = service_of(request), principal_of(request)
    given = service.find_given(person, name)
    return render("answer.html", person, given=given.answer, answer_id=name)


async def post_feedback(request: Request) -> Any:
    """Keep thumbs, correction and wrong sources from the form under an answer."""
    service, person = service_of(request), principal_of(request)
    form = await _lists(request)
    rating = _first(form, "rating")
    body = FeedbackRequest(
        answer_id=_first(form, "answer_id")[:256],
        rating=rating if rating in ("up", "down") else "",  # type: ignore[arg-type]
        correction=_first(form, "correction").strip()[:20_000],
        wrong_sources=[int(number) for number in form.get("wrong_source", ()) if number.isdecimal() and 0 < int(number) <= 1000],
        missing_document=_first(form, "missing_document").strip()[:256],
        comment=_first(form, "comment").strip()[:4000],
    )  # fmt: skip
    await service.read(lambda: service.take_feedback(person, body))
    return render("thanks.html", person)


async def show_documents(request: Request) -> Any:
    """The documents this person may read."""
    service, person = service_of(request), principal_of(request)
    records = await service.read(lambda: service.records(person))
    ingest = service.ingestion.outcome() if person.may("admin") else {"state": "none"}
    return render("documents.html", person, records=records, ingest=ingest, quote=quote)


async def show_document(request: Request, name: str, start: int = 0, end: int = 0) -> Any:
    """One document, a passage highlighted."""
    service, person = service_of(request), principal_of(request)
    document = await service.read(lambda: service.document(person, name))
    before, passage, after = cut_passage(document, start, end)
    return render("document.html", person, document=document, before=before, passage=passage, after=after)


async def post_ingest(request: Request) -> Any:
    """Begin an ingest from the page."""
    service_of(request).ingestion.start()
    return RedirectResponse("/documents", 303)


async def show_releases(request: Request) -> Any:
    """Releases with their proof, and the log."""
    service, person = service_of(request), principal_of(request)
    catalog = service.workspace.releases
    releases = await service.read(catalog.releases)
    standing = await service.read(service.answerer.standing)
    events = await service.read(catalog.events)
    return render("releases.html", person, releases=releases[::-1], standing=standing, events=events[::-1])


async def post_promote(request: Request) -> Any:
    """Promote from the page."""
    service, person = service_of(request), principal_of(request)
    form = await _form(request)
    alias = "challenger" if form.get("alias") == "challenger" else "champion"
    await service.read(
        lambda: service.workspace.promote(form.get("release", ""), by=person.name, reason=form.get("reason", ""), alias=alias)
    )  # fmt: skip
    return RedirectResponse("/releases", 303)


async def post_rollback(request: Request) -> Any:
    """Roll back from the page."""
    service, person = service_of(request), principal_of(request)
    form = await _form(request)
    await service.read(
        lambda: service.workspace.releases.rollback(by=person.name, reason=form.get("reason", ""), to=form.get("to", ""))
    )  # fmt: skip
    return RedirectResponse("/releases", 303)


async def show_review(request: Request) -> Any:
    """What waits for a verdict."""
    service, person = service_of(request), principal_of(request)
    waiting = [item for item in await service.read(service.feedback.waiting) if is_readable(item.feedback, person.groups)]  # fmt: skip
    agreement = await service.read(lambda: measure_agreement(service.workspace.settings))
    return render("review.html", person, waiting=waiting[:50], total=len(waiting), agreement=agreement)


async def post_review(request: Request) -> Any:
    """Keep a verdict from the page."""
    service, person = service_of(request), principal_of(request)
    form = await _form(request)
    verdict = form.get("verdict", "")
    if verdict not in ("right", "wrong", "wrong_source"):
        raise RequestError(400, "Choose a verdict.", code="invalid", param="verdict")
    answer = form.get("answer", "") if verdict == "wrong" else ""
    body = ReviewRequest(verdict=verdict, answer=answer, document=form.get("document", ""), quote=form.get("quote", ""))  # type: ignore[arg-type]  # fmt: skip
    await service.read(lambda: keep_review(service, person, form.get("feedback", ""), body))
    return RedirectResponse("/review", 303)


async def show_login(request: Request) -> Any:
    """The form for a key."""
    return render("login.html", error="")


async def post_login(request: Request) -> Any:
    """Sign a browser in by its key."""
    cookie = service_of(request).sessions.begin((await _form(request)).get("key", "").strip())
    if cookie is None:
        return render("login.html", status=401, error="This key is unknown or was revoked.")
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, cookie, max_age=LIFETIME_SECONDS, httponly=True, samesite="strict")
    return response


async def post_logout(request: Request) -> Any:
    """Sign a browser out."""
    service_of(request).sessions.end(read_cookie(request.headers))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


async def get_static(request: Request, name: str) -> Response:
    """One of the files that pages load."""
    if name not in STATIC:
        raise UNKNOWN
    return Response(read_static(name), media_type=STATIC[name])


async def _form(request: Request) -> dict[str, str]:
    return {key: values[0] for key, values in (await _lists(request)).items()}


async def _lists(request: Request) -> dict[str, list[str]]:
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        raise RequestError(415, "A form must be URL-encoded.", code="wrong_type")
    try:
        text = (await request.body()).decode("utf-8")
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise RequestError(400, "The form cannot be read.", code="invalid") from None


def _first(form: dict[str, list[str]], key: str) -> str:
    return form.get(key, [""])[0]


def _page(method: str, path: str, access: Any, endpoint: Any, summary: str) -> Route:
    return Route(method, path, access, endpoint, summary, None, is_page=True)


ROUTES = (
    _page("GET", "/", "user", show_home, "Home"),
    _page("GET", "/ask", "user", show_ask, "Ask"),
    _page("POST", "/ask", "user", post_ask, "Ask"),
    _page("GET", "/answers/{name}", "user", show_answer, "An answer"),
    _page("POST", "/feedback", "user", post_feedback, "Feedback"),
    _page("GET", "/documents", "user", show_documents, "Documents"),
    _page("GET", "/documents/{name:path}", "user", show_document, "A document"),
    _page("POST", "/ingest", "admin", post_ingest, "Ingest"),
    _page("GET", "/releases", "reviewer", show_releases, "Releases"),
    _page("POST", "/releases/promote", "admin", post_promote, "Promote"),
    _page("POST", "/releases/rollback", "admin", post_rollback, "Roll back"),
    _page("GET", "/review", "reviewer", show_review, "Review"),
    _page("POST", "/review", "reviewer", post_review, "Review"),
    _page("GET", "/login", "public", show_login, "Sign in"),
    _page("POST", "/login", "public", post_login, "Sign in"),
    _page("POST", "/logout", "user", post_logout, "Sign out"),
    _page("GET", "/static/{name}", "public", get_static, "A file of the pages"),
)
