"""The page about examples: what the check found, every row with its side of the split, and adding one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse

from knowhow.advisor.text import Text
from knowhow.errors import KnowHowError
from knowhow.serving.failures import RequestError, translate
from knowhow.serving.forms import read_form
from knowhow.serving.keys import Principal
from knowhow.serving.paging import cut_page
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.service import Service
from knowhow.workspace.examples import ExampleRow, NewExample, add_example, list_examples

_PAGE = 50
_MOST_CHARACTERS = 20_000
_EMPTY = dict.fromkeys(("question", "answer", "document", "quote", "unanswerable"), "")


async def show_examples(request: Request, side: str = "", place: int = 1) -> Any:
    """Every example this reviewer may read, with what the check found."""
    return await _page(request, side, place)


async def post_example(request: Request) -> Any:
    """Add an example from the page; what cannot be taken stands in the form again."""
    service, person = service_of(request), principal_of(request)
    form = {key: value[:_MOST_CHARACTERS].strip() for key, value in (await read_form(request)).items()}
    try:
        await service.read(lambda: keep_example(service, person, form_example(form, person)))
    except RequestError as error:
        return await _page(request, "", 1, status=error.status, given=form, error=error.words)
    return RedirectResponse("/examples#rows", 303)


def form_example(form: dict[str, str], person: Principal) -> NewExample:
    """Return what the form says; the example is asked with the groups of who wrote it."""
    return NewExample(
        form.get("question", ""),
        "" if form.get("unanswerable") else form.get("answer", ""),
        form.get("document", ""),
        form.get("quote", ""),
        sorted(person.groups),
    )


def keep_example(service: Service, person: Principal, new: NewExample) -> str:
    """Add an example in the name of a person and return its id."""
    documents = {record.id for record in service.records(person)}
    return add_example(service.workspace.settings, new, by=person.name, documents=documents)


def read_rows(service: Service, person: Principal) -> list[ExampleRow]:
    """Return the rows whose answers this person could have been given."""
    rows = list_examples(service.workspace.settings)
    return [row for row in rows if row.example.groups <= person.groups]


async def _page(
    request: Request,
    side: str,
    place: int,
    *,
    status: int = 200,
    given: dict[str, str] | None = None,
    error: str | Text = "",
) -> Any:
    service, person = service_of(request), principal_of(request)

    def gather() -> tuple[Sequence[ExampleRow], Any, str]:
        try:
            rows = read_rows(service, person)
            ids = {row.example.id for row in rows}
            return rows, service.checks.readable(ids) if rows else None, ""
        except KnowHowError as problem:
            return [], None, translate(problem, service.workspace.root).message

    rows, check, problem = await service.read(gather)
    chosen = [row for row in rows if not side or row.side == side]
    shown, paging = cut_page(chosen, place, _PAGE)
    documents = [record.id for record in await service.read(lambda: service.records(person))][:2000]
    return render(
        request, "examples.html", status, rows=shown, paging=paging, counts=Counter(row.side for row in rows), side=side,
        check=check, problem=problem, documents=documents, given={**_EMPTY, **(given or {})}, error=error,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    page("GET", "/examples", "reviewer", show_examples, "Examples"),
    page("POST", "/examples", "reviewer", post_example, "Add an example"),
)
