"""Figures of live answers for programs: Prometheus' text, health, the challenge that runs, and outcomes of tasks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from knowhow.monitoring.exposition import CONTENT_TYPE
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.schemas import Short, Strict
from knowhow.serving.service import Service
from knowhow.traffic.challenge import Challenge
from knowhow.traffic.trial import describe
from knowhow.workspace.consequences import suggest
from knowhow.workspace.monitoring import read_health
from knowhow.workspace.traffic import challenges, stop_challenge


class OutcomeRequest(Strict):
    """POST /api/outcomes: how well the task went that an answer was for, from 0 to 1."""

    answer_id: Short
    success: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class StopRequest(Strict):
    """POST /api/traffic/stop: why."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


async def get_metrics(request: Request) -> Any:
    """Return counters, histograms and gauges in Prometheus' text form."""
    return Response(service_of(request).observer.exposition.text(), media_type=CONTENT_TYPE)


async def get_monitoring(request: Request) -> Any:
    """Return figures by release and day, drift, freshness, warnings and alerts of the last week."""
    service = service_of(request)
    report = await service.read(lambda: read_health(service.workspace.settings))
    return {**asdict(report), "problem": service.observer.problem}


async def get_suggestion(request: Request) -> Any:
    """Return what the feedback asks for next, null without any."""
    service = service_of(request)
    suggestion = await service.read(lambda: suggest(service.workspace.settings))
    return {"suggestion": asdict(suggestion) if suggestion else None}


async def list_challenges(request: Request) -> Any:
    """List challenges, the newest last, with what they have shown so far."""
    service = service_of(request)
    found = await service.read(lambda: challenges(service.workspace.settings))
    return [await service.read(lambda each=each: describe_challenge(each)) for each in found]  # type: ignore[misc]


async def end_challenge(request: Request, body: StopRequest) -> Any:
    """End the running challenge and withdraw the challenger."""
    service, person = service_of(request), principal_of(request)
    ended = await service.read(
        lambda: stop_challenge(service.workspace.settings, by=person.name, reason=body.reason)
    )
    return describe_challenge(ended)


async def add_outcome(request: Request, body: OutcomeRequest) -> Any:
    """Keep how well the task went that an answer was for; `is_counted` says whether a challenge counts it."""
    service: Service = service_of(request)
    given = service.find_given(principal_of(request), body.answer_id)
    counted = await service.read(
        lambda: service.observer.note_outcome(given.assignment, "task", body.success)
    )
    return {"is_counted": counted}


def describe_challenge(challenge: Challenge) -> dict[str, Any]:
    """Return a challenge with its result as JSON values."""
    result = challenge.judge()
    return {
        "id": challenge.id,
        "champion": challenge.pairing.champion,
        "challenger": challenge.pairing.challenger,
        "state": challenge.state,
        "opened": challenge.opened,
        "plan": asdict(challenge.plan),
        "ending": asdict(challenge.ending) if challenge.ending else None,
        "result": asdict(result),
        "summary": describe(result, challenge.plan),
    }


_PLAIN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
ROUTES = (
    Route("GET", "/metrics", "reviewer", get_metrics, "Prometheus metrics", None, "Health", responses=_PLAIN),
    Route("GET", "/api/monitoring", "reviewer", get_monitoring, "Health of live answers", dict[str, Any], "Health"),
    Route("GET", "/api/suggestion", "reviewer", get_suggestion, "What feedback asks for", dict[str, Any], "Feedback"),
    Route("POST", "/api/outcomes", "user", add_outcome, "Report how a task went", dict[str, Any], "Feedback"),
    Route("GET", "/api/traffic", "reviewer", list_challenges, "List challenges", list[dict[str, Any]], "Releases"),
    Route("POST", "/api/traffic/stop", "admin", end_challenge, "End the challenge", dict[str, Any], "Releases"),
)  # fmt: skip
