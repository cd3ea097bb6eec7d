"""The pages about documents: what is there, who may read it, what it holds about persons, one document with a passage highlighted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse

from knowhow.advisor.text import say
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.forms import read_form
from knowhow.serving.keys import Principal
from knowhow.serving.paging import Paging, cut_page
from knowhow.serving.passages import cut_passage
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.service import Service
from knowhow.serving.task_views import TaskView, view_latest
from knowhow.serving.tasks import Task
from knowhow.workspace.documents import DocumentStatus, survey_documents
from knowhow.workspace.working import pending_purge

_PAGE = 50


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One row of the list; `personal` counts personal data by kind."""

    status: DocumentStatus
    personal: Mapping[str, int]


async def show_documents(request: Request, state: str = "", place: int = 1) -> Any:
    """The documents this person may read, and for admins also the files that are none yet."""
    service, person = service_of(request), principal_of(request)
    is_admin = person.may("admin")

    def gather() -> tuple[Sequence[DocumentLine], Paging, Counter[str]]:
        readable = {record.id for record in service.records(person)}
        surveyed = [
            item
            for item in survey_documents(service.workspace.settings, service.workspace.records())
            if (item.record.id in readable if item.record else is_admin)
        ]
        counts = Counter[str](item.status for item in surveyed)
        chosen = [item for item in surveyed if not state or item.status == state]
        shown, paging = cut_page(chosen, place, _PAGE)
        lines = [
            DocumentLine(item, service.personal_data.of(item.record) if item.record else {}) for item in shown
        ]
        return lines, paging, counts

    lines, paging, counts = await service.read(gather)
    views, is_unfinished = await service.read(lambda: look_at_purges(service)) if is_admin else ([], False)
    ingest = service.ingestion.outcome() if is_admin else {"state": "none"}
    return render(
        request, "documents.html", lines=lines, paging=paging, counts=counts, state=state, ingest=ingest,
        masks=service.workspace.settings.privacy.mode == "mask", tasks=views, is_unfinished=is_unfinished,
    )  # fmt: skip


async def show_document(request: Request, name: str, start: int = 0, end: int = 0) -> Any:
    """One document, a passage highlighted on its page."""
    service, person = service_of(request), principal_of(request)
    document = await service.read(lambda: service.document(person, name))
    return render(request, "document.html", document=document, leaves=cut_passage(document, start, end))


def look_at_purges(service: Service) -> tuple[list[TaskView], bool]:
    """Return the newest purges and whether one was interrupted and waits to be finished."""
    views = view_latest(service, "purge")
    is_running = any(view.task.is_live for view in views)
    return views, pending_purge(service.workspace.settings.state).exists() and not is_running


async def post_delete(request: Request) -> Any:
    """Delete a document for good from the page, or finish a purge that was interrupted."""
    service, person = service_of(request), principal_of(request)
    form = await read_form(request)
    if form.get("resume"):
        await service.read(lambda: resume_purge(service, person))
    else:
        await service.read(
            lambda: start_purge(service, person, form.get("document", ""), form.get("reason", ""))
        )
    return RedirectResponse("/documents", 303)


def start_purge(service: Service, person: Principal, name: str, reason: str) -> Task:
    """Begin to delete a document that this person may read; 404 for all others, 400 without a reason."""
    if not any(record.id == name for record in service.records(person)):
        raise UNKNOWN
    if not reason.strip():
        raise RequestError(400, say("Say why it is deleted; the receipt keeps the reason."), code="invalid", param="reason")  # fmt: skip
    service.forget_given()
    arguments = {"documents": [name], "reason": reason.strip(), "by": person.name, "resumes": False}
    return service.tasks.start("purge", arguments, person.name)


def resume_purge(service: Service, person: Principal) -> Task:
    """Begin to finish a purge that was interrupted."""
    service.forget_given()
    return service.tasks.start("purge", {"resumes": True}, person.name)


async def show_receipt(request: Request, name: str) -> Any:
    """What a purge removed and what was looked at afterwards, with whether its signature is right."""
    service = service_of(request)
    receipt, is_genuine = await service.read(lambda: service.workspace.purge_receipt(name))
    return render(request, "receipt.html", receipt=receipt, is_genuine=is_genuine)


async def post_ingest(request: Request) -> Any:
    """Begin an ingest from the page."""
    service_of(request).ingestion.start()
    return RedirectResponse("/documents", 303)


ROUTES: tuple[Route, ...] = (
    page("GET", "/documents", "user", show_documents, "Documents"),
    page("GET", "/documents/{name:path}", "user", show_document, "A document"),
    page("POST", "/documents/delete", "admin", post_delete, "Delete a document"),
    page("GET", "/receipts/{name}", "admin", show_receipt, "The receipt of a deletion"),
    page("POST", "/ingest", "admin", post_ingest, "Ingest"),
)
