"""/api/examples and /api/runs: examples with their check, and finished comparisons."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import Request

from knowhow.evaluation.report import report_to_json
from knowhow.serving.example_pages import keep_example, read_rows
from knowhow.serving.failures import UNKNOWN
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.runs import is_readable
from knowhow.serving.schemas import ExampleRequest, Made, ReleaseRequest
from knowhow.workspace.examples import NewExample
from knowhow.workspace.release import ReleaseOrder


async def list_examples(request: Request) -> Any:
    """List the examples whose answers this reviewer could have been given, each with its side of the split."""
    service, person = service_of(request), principal_of(request)
    rows = await service.read(lambda: read_rows(service, person))
    return [
        {
            "id": row.example.id,
            "line": row.line,
            "side": row.side,
            "question": row.example.question,
            "answers": list(row.example.references),
            "evidence": [asdict(item) for item in row.example.evidence],
            "answerable": row.example.is_answerable,
            "groups": sorted(row.example.groups),
        }
        for row in rows
    ]


async def add_example(request: Request, body: ExampleRequest) -> Any:
    """Add a question with its answer; without an answer, abstaining is right."""
    service, person = service_of(request), principal_of(request)
    new = NewExample(body.question, body.answer, body.document, body.quote, sorted(person.groups))
    return {"id": await service.read(lambda: keep_example(service, person, new))}


async def check_examples(request: Request) -> Any:
    """Say what is wrong with the examples, gravest first, each with its mend."""
    service, person = service_of(request), principal_of(request)
    ids = {row.example.id for row in await service.read(lambda: read_rows(service, person))}
    return asdict(await service.read(lambda: service.checks.readable(ids)))


async def list_runs(request: Request) -> Any:
    """List the finished comparisons, newest first."""
    service = service_of(request)
    return [asdict(line) for line in await service.read(service.runs.lines)]


async def get_run(request: Request, name: str) -> Any:
    """Return the report of a comparison, for those who could have been given all of its answers."""
    service, person = service_of(request), principal_of(request)
    report = await service.read(lambda: service.runs.report(name))
    if not is_readable(report, person.groups):
        raise UNKNOWN
    return report_to_json(report)


async def create_release(request: Request, body: ReleaseRequest) -> Any:
    """Freeze an arm of a finished comparison; 409 where the comparison speaks against it and nobody overrides it."""
    service, person = service_of(request), principal_of(request)
    order = ReleaseOrder(body.run, body.strategy, body.reason, person.name, body.override)
    return {"id": (await service.read(lambda: service.workspace.release(order))).id}


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/examples", "reviewer", list_examples, "List examples", list[dict[str, Any]], "Examples"),
    Route("POST", "/api/examples", "reviewer", add_example, "Add an example", Made, "Examples"),
    Route("GET", "/api/examples/check", "reviewer", check_examples, "Check the examples", dict[str, Any], "Examples"),
    Route("GET", "/api/runs", "reviewer", list_runs, "List comparisons", list[dict[str, Any]], "Comparisons"),
    Route("GET", "/api/runs/{name}", "reviewer", get_run, "A comparison", dict[str, Any], "Comparisons"),
    Route("POST", "/api/releases", "admin", create_release, "Release", Made, "Releases"),
)  # fmt: skip
