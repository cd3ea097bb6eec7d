"""The page about health: what answers, what waits, how fresh the documents are, and what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, service_of
from knowhow.serving.service import Service
from knowhow.serving.task_routes import PAGES
from knowhow.workspace.documents import survey_documents

_DAYS = 7


@dataclass(frozen=True, slots=True)
class Freshness:
    """How the index stands to the folder: documents, the newest one's moment, and files by state."""

    documents: int = 0
    newest: str = ""
    version: str = ""
    states: Counter[str] = field(default_factory=Counter)

    @property
    def is_behind(self) -> bool:
        """Say whether an ingest would change anything."""
        return any(self.states[name] for name in ("changed", "waiting", "gone"))


def look_at_documents(service: Service) -> Freshness:
    """Return how fresh the index is; blocking."""
    records = service.workspace.records()
    surveyed = survey_documents(service.workspace.settings, records)
    states = Counter[str](item.status for item in surveyed)
    newest = max((record.ingested for record in records), default="")
    return Freshness(len(records), newest, service.workspace.components.index_version, states)


async def show_health(request: Request) -> Any:
    """Releases, queue, live answers, drift, alerts, freshness and tasks."""
    service = service_of(request)
    answerer = service.answerer
    freshness = await service.read(lambda: look_at_documents(service))
    standing = await service.read(answerer.standing)
    tasks = await service.read(service.tasks.tasks)
    waiting = await service.read(service.feedback.waiting)
    live = await service.read(lambda: service.workspace.health(_DAYS))
    return render(
        request, "health.html", answerer=answerer, is_alive=answerer.is_alive() and not answerer.problem, standing=standing,
        freshness=freshness, ingest=service.ingestion.outcome(), tasks=tasks[:5], waiting=len(waiting), live=live, days=_DAYS, pages=PAGES,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (page("GET", "/health", "admin", show_health, "Health"),)
