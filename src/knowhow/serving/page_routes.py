"""The pages everyone sees: home, asking, answers and signing in; usable without JavaScript, which only adds streaming."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from knowhow.advisor.text import Text, say
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.forms import first, read_form, read_lists
from knowhow.serving.guard import read_cookie
from knowhow.serving.next_step import find_next_step
from knowhow.serving.rendering import STATIC, read_static, render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.schemas import FeedbackRequest
from knowhow.serving.service import MODEL
from knowhow.serving.sessions import COOKIE, LIFETIME_SECONDS
from knowhow.serving.situation import look
from knowhow.types import Answer, Query


async def show_home(request: Request) -> Any:
    """One next step, and where everything stands."""
    service, person = service_of(request), principal_of(request)
    situation = await service.read(lambda: look(service, person))
    standing = await service.read(service.answerer.standing)
    step = find_next_step(situation)
    return render(
        request, "home.html", now=situation, step=step, standing=standing, fallback=service.answerer.fallback
    )


async def show_ask(request: Request) -> Any:
    """The question form."""
    return _ask_page(request)


async def post_ask(request: Request) -> Any:
    """Answer without JavaScript."""
    service, person = service_of(request), principal_of(request)
    question = (await read_form(request)).get("question", "").strip()
    if not question:
        return _ask_page(request, error=say("Write a question first."))
    try:
        job = service.ask(person, Query(question, person.groups), MODEL)
        answer = service.deliver(job, person, await service.wait(job, request))
    except RequestError as error:
        return _ask_page(request, status=error.status, question=question, error=error.words)
    return _ask_page(request, question=question, given=answer, answer_id=job.id)


def _ask_page(
    request: Request,
    *,
    status: int = 200,
    question: str = "",
    given: Answer | None = None,
    answer_id: str = "",
    error: str | Text = "",
) -> Response:
    return render(
        request, "ask.html", status, question=question, given=given, answer_id=answer_id, error=error
    )


async def show_answer(request: Request, name: str) -> Any:
    """One answer with its sources and the feedback form, as a fragment for the page that streamed it."""
    service, person = service_of(request), principal_of(request)
    given = service.find_given(person, name)
    return render(request, "answer.html", given=given.answer, answer_id=name)


async def post_feedback(request: Request) -> Any:
    """Keep thumbs, correction and wrong sources from the form under an answer."""
    service, person = service_of(request), principal_of(request)
    form = await read_lists(request)
    rating = first(form, "rating")
    body = FeedbackRequest(
        answer_id=first(form, "answer_id")[:256],
        rating=rating if rating in ("up", "down") else "",  # type: ignore[arg-type]
        correction=first(form, "correction").strip()[:20_000],
        wrong_sources=[int(number) for number in form.get("wrong_source", ()) if number.isdecimal() and 0 < int(number) <= 1000],
        missing_document=first(form, "missing_document").strip()[:256],
        comment=first(form, "comment").strip()[:4000],
    )  # fmt: skip
    await service.read(lambda: service.take_feedback(person, body))
    return render(request, "thanks.html")


async def show_login(request: Request) -> Any:
    """The form for a key."""
    return render(request, "login.html", error="")


async def post_login(request: Request) -> Any:
    """Sign a browser in by its key."""
    cookie = service_of(request).sessions.begin((await read_form(request)).get("key", "").strip())
    if cookie is None:
        return render(request, "login.html", 401, error=say("This key is unknown or was revoked."))
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


ROUTES: tuple[Route, ...] = (
    page("GET", "/", "user", show_home, "Home"),
    page("GET", "/ask", "user", show_ask, "Ask"),
    page("POST", "/ask", "user", post_ask, "Ask"),
    page("GET", "/answers/{name}", "user", show_answer, "An answer"),
    page("POST", "/feedback", "user", post_feedback, "Feedback"),
    page("GET", "/login", "public", show_login, "Sign in"),
    page("POST", "/login", "public", post_login, "Sign in"),
    page("POST", "/logout", "user", post_logout, "Sign out"),
    page("GET", "/static/{name}", "public", get_static, "A file of the pages"),
)
