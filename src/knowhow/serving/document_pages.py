"""The pages about documents: what is there, who may read it, what it holds about persons, one document with a passage highlighted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse

from knowhow.serving.paging import Paging, cut_page
from knowhow.serving.passages import cut_passage
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.workspace.documents import DocumentStatus, survey_documents

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
    ingest = service.ingestion.outcome() if is_admin else {"state": "none"}
    return render(
        request, "documents.html", lines=lines, paging=paging, counts=counts, state=state, ingest=ingest,
        masks=service.workspace.settings.privacy.mode == "mask",
    )  # fmt: skip


async def show_document(request: Request, name: str, start: int = 0, end: int = 0) -> Any:
    """One document, a passage highlighted on its page."""
    service, person = service_of(request), principal_of(request)
    document = await service.read(lambda: service.document(person, name))
    return render(request, "document.html", document=document, leaves=cut_passage(document, start, end))


async def post_ingest(request: Request) -> Any:
    """Begin an ingest from the page."""
    service_of(request).ingestion.start()
    return RedirectResponse("/documents", 303)


ROUTES: tuple[Route, ...] = (
    page("GET", "/documents", "user", show_documents, "Documents"),
    page("GET", "/documents/{name:path}", "user", show_document, "A document"),
    page("POST", "/ingest", "admin", post_ingest, "Ingest"),
)
