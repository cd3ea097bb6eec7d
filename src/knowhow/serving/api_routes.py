"""/api: the verbs of the workspace for programs and for our own pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from starlette.responses import JSONResponse

from knowhow.releases.events import Event
from knowhow.releases.feedback import Review, is_readable
from knowhow.releases.release import compare_releases, release_to_json
from knowhow.serving.extension import extend
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.keys import Principal
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.schemas import (
    AskRequest,
    ChatMessage,
    Extension,
    FeedbackRequest,
    Health,
    Made,
    PromoteRequest,
    ReviewRequest,
    RollbackRequest,
)
from knowhow.serving.service import Service, read_conversation
from knowhow.types import Query
from knowhow.workspace.feedback import measure_agreement, review_feedback


async def get_health(request: Request) -> Any:
    """Say that the server is there, and nothing more."""
    answerer = service_of(request).answerer
    if answerer.queue.is_closed:
        return {"status": "stopping"}
    return {"status": "degraded" if answerer.problem or not answerer.is_alive() else "ok"}


async def get_details(request: Request) -> Any:
    """Say what answers, what waits, and what is wrong."""
    service = service_of(request)
    answerer = service.answerer
    return {
        "champion": answerer.name_champion(),
        "challenger": answerer.standing().challenger,
        "problem": answerer.problem,
        "waiting": len(answerer.queue),
        "queue": answerer.queue.capacity,
        "answered": answerer.answered,
        "failed": answerer.failed,
        "cancelled": answerer.cancelled,
        "documents": len(await service.read(service.workspace.records)),
        "ingest": service.ingestion.outcome(),
    }


async def ask(request: Request, body: AskRequest) -> Any:
    """Answer a question from the documents, with citations."""
    service, asker = service_of(request), principal_of(request)
    turns = [*body.history, ChatMessage(role="user", content=body.question)]
    question, history, _ = read_conversation(turns, service.settings.history_turns)
    job = service.ask(asker, Query(question, asker.groups, history), body.model)
    answer = service.deliver(job, asker, await service.wait(job, request))
    return extend(answer, job.id, timings_ms=job.timings_ms)


async def list_documents(request: Request) -> Any:
    """List the documents that this asker may read."""
    service, asker = service_of(request), principal_of(request)
    records = await service.read(lambda: service.records(asker))
    return [{**asdict(record), "groups": sorted(record.groups)} for record in records]


async def get_document(request: Request, name: str) -> Any:
    """Return the text of one document with the regions a citation can point into."""
    service, asker = service_of(request), principal_of(request)
    document = await service.read(lambda: service.document(asker, name))
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "language": document.language,
        "groups": sorted(document.groups),
        "text": document.text,
        "regions": [asdict(region) for region in document.regions],
    }


async def put_document(request: Request, name: str) -> Any:
    """Write a file into the documents folder; it is answered from after the next ingest."""
    service = service_of(request)
    data = await request.body()
    if not data:
        raise RequestError(400, "The document is empty.", code="invalid")
    await service.read(lambda: service.ingestion.save(unquote(name), data))
    return {"id": name}


async def start_ingest(request: Request) -> Any:
    """Begin to bring the index in step with the documents folder."""
    service_of(request).ingestion.start()
    return JSONResponse({"state": "running"}, 202)


async def get_ingest(request: Request) -> Any:
    """Say how the last ingest went."""
    return service_of(request).ingestion.outcome()


async def add_feedback(request: Request, body: FeedbackRequest) -> Any:
    """Keep what an asker thinks of an answer they were given."""
    service, asker = service_of(request), principal_of(request)
    return {"id": (await service.read(lambda: service.take_feedback(asker, body))).id}


async def list_feedback(request: Request) -> Any:
    """List what waits for a review, as far as this reviewer may read it, and how far reviewers agree."""
    service, reviewer = service_of(request), principal_of(request)
    waiting = await service.read(service.feedback.waiting)
    agreement = await service.read(lambda: measure_agreement(service.workspace.settings))
    return {
        "waiting": [asdict(item) for item in waiting if is_readable(item.feedback, reviewer.groups)],
        "agreement": asdict(agreement) if agreement else None,
    }


async def add_review(request: Request, name: str, body: ReviewRequest) -> Any:
    """Keep a verdict on an answer; once enough reviewers agree, the correction becomes an example."""
    service, reviewer = service_of(request), principal_of(request)
    return asdict(await service.read(lambda: keep_review(service, reviewer, name, body)))


def keep_review(service: Service, reviewer: Principal, name: str, body: ReviewRequest) -> Any:
    """Check that the reviewer may read the item and keep the verdict."""
    items = {item.feedback.id: item for item in service.feedback.items()}
    if name not in items or not is_readable(items[name].feedback, reviewer.groups):
        raise UNKNOWN
    verdict = Review(name, "", reviewer.name, body.verdict, body.answer, body.document, body.quote, body.note)
    readable = [record.id for record in service.records(reviewer)]
    return review_feedback(service.workspace.settings, verdict, readable)


async def list_releases(request: Request) -> Any:
    """List releases, where the aliases point, and the log."""
    service = service_of(request)
    catalog = service.workspace.releases
    releases = await service.read(catalog.releases)
    return {
        "releases": [release_to_json(release) for release in releases],
        "standing": asdict(service.answerer.standing()),
        "events": [asdict(event) for event in await service.read(catalog.events)],
    }


async def get_release(request: Request, name: str) -> Any:
    """Return one release by id or alias."""
    service = service_of(request)
    return release_to_json(await service.read(lambda: service.workspace.releases.get(name)))


async def diff_releases(request: Request, name: str, other: str) -> Any:
    """Return what differs between two releases."""
    catalog = service_of(request).workspace.releases
    changes = await service_of(request).read(lambda: compare_releases(catalog.get(name), catalog.get(other)))
    return [asdict(change) for change in changes]


async def promote(request: Request, body: PromoteRequest) -> Any:
    """Let a release answer, or name it as the challenger."""
    service, person = service_of(request), principal_of(request)
    event: Event = await service.read(
        lambda: service.workspace.promote(body.release, by=person.name, reason=body.reason, alias=body.alias)
    )
    return asdict(event)


async def roll_back(request: Request, body: RollbackRequest) -> Any:
    """Let an earlier champion answer again."""
    service, person = service_of(request), principal_of(request)
    catalog = service.workspace.releases
    return asdict(
        await service.read(lambda: catalog.rollback(by=person.name, reason=body.reason, to=body.to))
    )


async def get_openapi(request: Request) -> Any:
    """Return the description of this interface."""
    return JSONResponse(request.app.openapi())


_UPLOAD = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}  # fmt: skip
UPLOAD_KILOBYTES = 65536
ROUTES = (
    Route("GET", "/api/health", "public", get_health, "Is the server there", Health, "Health"),
    Route("GET", "/api/health/details", "admin", get_details, "State of the server", dict[str, Any], "Health"),
    Route("POST", "/api/ask", "user", ask, "Ask", Extension, "Ask"),
    Route("GET", "/api/documents", "user", list_documents, "List documents", list[dict[str, Any]], "Documents"),
    Route("GET", "/api/documents/{name:path}", "user", get_document, "Read a document", dict[str, Any], "Documents"),
    Route("PUT", "/api/documents/{name:path}", "admin", put_document, "Upload a document", Made, "Documents", UPLOAD_KILOBYTES, extra=_UPLOAD),
    Route("POST", "/api/ingest", "admin", start_ingest, "Ingest", dict[str, Any], "Documents", status=202),
    Route("GET", "/api/ingest", "admin", get_ingest, "Progress of the ingest", dict[str, Any], "Documents"),
    Route("POST", "/api/feedback", "user", add_feedback, "Give feedback", Made, "Feedback"),
    Route("GET", "/api/feedback", "reviewer", list_feedback, "Review queue", dict[str, Any], "Feedback"),
    Route("POST", "/api/feedback/{name}/reviews", "reviewer", add_review, "Review", dict[str, Any], "Feedback"),
    Route("GET", "/api/releases", "reviewer", list_releases, "List releases", dict[str, Any], "Releases"),
    Route("POST", "/api/releases/promote", "admin", promote, "Promote a release", dict[str, Any], "Releases"),
    Route("POST", "/api/releases/rollback", "admin", roll_back, "Roll back", dict[str, Any], "Releases"),
    Route("GET", "/api/releases/{name}", "reviewer", get_release, "Show a release", dict[str, Any], "Releases"),
    Route("GET", "/api/releases/{name}/diff/{other}", "reviewer", diff_releases, "Compare releases", list[dict[str, Any]], "Releases"),
    Route("GET", "/openapi.json", "user", get_openapi, "This description", dict[str, Any], "Health"),
)  # fmt: skip
