"""Long tasks: their list, one with its progress as server-sent events, and stopping one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse, StreamingResponse

from knowhow.serving.comparison_pages import start_comparison
from knowhow.serving.document_pages import start_purge
from knowhow.serving.keys import Principal
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.schemas import CompareRequest, TaskOut, TrainRequest
from knowhow.serving.service import Service
from knowhow.serving.task_views import view_task
from knowhow.serving.tasks import Task
from knowhow.serving.training_pages import start_training

PAGES = {"compare": "/compare", "train": "/train", "purge": "/documents"}
"""Where the tasks of a kind are shown."""
_LOOK_SECONDS = 0.5
_QUIET_LOOKS = 30


async def list_tasks(request: Request) -> Any:
    """List long tasks, newest first."""
    service, person = service_of(request), principal_of(request)
    return [describe(task, person) for task in await service.read(service.tasks.tasks)]


async def get_task(request: Request, name: str) -> Any:
    """Return one task with where it stands."""
    service = service_of(request)
    return describe(await service.read(lambda: service.tasks.get(name)), principal_of(request))


async def compare(request: Request, body: CompareRequest) -> Any:
    """Begin a comparison in the background; one long task runs at a time."""
    service, person = service_of(request), principal_of(request)
    task = await service.read(
        lambda: start_comparison(service, person, body.strategies, 60.0 * body.minutes, body.limit)
    )
    return describe(task, person)


async def train(request: Request, body: TrainRequest) -> Any:
    """Begin to train a strategy in the background, then ask ten held-out questions before and after."""
    service, person = service_of(request), principal_of(request)
    knobs = {"goal": body.goal, "effort": body.effort, "base_model": body.base_model}
    given = {name: value for name, value in knobs.items() if value is not None}
    return describe(await service.read(lambda: start_training(service, person, body.strategy, given)), person)


async def delete_document(request: Request, name: str, reason: str) -> Any:
    """Begin to delete a document for good, with everything made from it; the finished task names the signed receipt."""
    service, person = service_of(request), principal_of(request)
    return describe(await service.read(lambda: start_purge(service, person, name, reason)), person)


async def get_receipt(request: Request, name: str) -> Any:
    """Return the receipt of a deletion and whether its signature is right."""
    service = service_of(request)
    receipt, is_genuine = await service.read(lambda: service.workspace.purge_receipt(name))
    return {"receipt": receipt, "is_genuine": is_genuine}


async def stop_task(request: Request, name: str) -> Any:
    """Stop a task; what it had finished is kept, and the same work goes on from there."""
    service = service_of(request)
    return describe(await service.read(lambda: service.tasks.stop(name)), principal_of(request))


async def follow_task(request: Request, name: str) -> Any:
    """Send every step of a task as an event with its number as id, from the one after Last-Event-ID on; `end` is the last event."""
    service = service_of(request)
    await service.read(lambda: service.tasks.get(name))
    told = request.headers.get("last-event-id", "")
    start = int(told) if told.isdecimal() and len(told) < 10 else 0
    return StreamingResponse(
        _events(service, principal_of(request), name, start),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(service: Service, person: Principal, name: str, sent: int) -> AsyncIterator[str]:
    quiet = 0
    yield "retry: 2000\n\n"
    while not service.answerer.queue.is_closed:
        # In this order: what is written before the end is told before the end.
        task = await service.read(lambda: service.tasks.get(name))
        rows = await service.read(lambda: service.tasks.progress(name))
        rows = rows[sent:]
        for row in rows:
            sent += 1
            yield f"id: {sent}\ndata: {json.dumps(row, ensure_ascii=False)}\n\n"
        if not task.is_live:
            yield f"event: end\ndata: {json.dumps(describe(task, person), ensure_ascii=False)}\n\n"
            return
        quiet = 0 if rows else quiet + 1
        if quiet >= _QUIET_LOOKS:
            quiet = 0
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK_SECONDS)


def describe(task: Task, person: Principal) -> dict[str, Any]:
    """Return a task as JSON values; what is being deleted is for admins alone."""
    value = asdict(task)
    return value if person.may("admin") or task.kind != "purge" else {**value, "arguments": {}}


async def show_task(request: Request, name: str) -> Any:
    """The progress of a task as a fragment, for the page that follows it."""
    service = service_of(request)
    view = await service.read(lambda: view_task(service, service.tasks.get(name)))
    return render(request, "task_progress.html", view=view)


async def post_stop(request: Request, name: str) -> Any:
    """Stop a task from its page."""
    service = service_of(request)
    task = await service.read(lambda: service.tasks.stop(name))
    return RedirectResponse(PAGES[task.kind], 303)


_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/compare", "admin", compare, "Begin a comparison", TaskOut, "Tasks", status=202),
    Route("POST", "/api/train", "admin", train, "Begin a training", TaskOut, "Tasks", status=202),
    Route("DELETE", "/api/documents/{name:path}", "admin", delete_document, "Delete a document for good", TaskOut, "Documents", status=202),
    Route("GET", "/api/receipts/{name}", "admin", get_receipt, "The receipt of a deletion", dict[str, Any], "Documents"),
    Route("GET", "/api/tasks", "reviewer", list_tasks, "List long tasks", list[TaskOut], "Tasks"),
    Route("GET", "/api/tasks/{name}", "reviewer", get_task, "A long task", TaskOut, "Tasks"),
    Route("GET", "/api/tasks/{name}/events", "reviewer", follow_task, "Follow a long task", None, "Tasks", responses=_EVENTS),
    Route("POST", "/api/tasks/{name}/stop", "admin", stop_task, "Stop a long task", TaskOut, "Tasks"),
    page("GET", "/tasks/{name}", "reviewer", show_task, "Progress of a task"),
    page("POST", "/tasks/{name}/stop", "admin", post_stop, "Stop a task"),
)  # fmt: skip
