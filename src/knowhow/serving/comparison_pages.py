"""The pages about comparisons: start one, watch it, its arms with intervals, questions side by side, the printed report."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse

from knowhow import registry
from knowhow.advisor.text import Text, say
from knowhow.evaluation.report.wording import cost_text, milliseconds, slowest_text
from knowhow.evaluation.results import Report
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.forms import first, read_lists
from knowhow.serving.intervals import draw_intervals
from knowhow.serving.keys import Principal
from knowhow.serving.paging import cut_page
from knowhow.serving.policy import allow_own_styles
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.runs import choose_pair, is_readable, pair_questions
from knowhow.serving.service import Service
from knowhow.serving.task_views import view_latest
from knowhow.types import Comparison
from knowhow.workspace.comparison import TRAINED, UNTRAINED
from knowhow.workspace.release import ReleaseOrder

_PAGE = 20
_MOST_MINUTES, _MOST_QUESTIONS = 7 * 24 * 60, 1_000_000


async def show_comparisons(request: Request) -> Any:
    """Start a comparison, see the running one and all finished ones."""
    service = service_of(request)
    lines = await service.read(service.runs.lines)
    tasks = await service.read(lambda: view_latest(service, "compare"))
    return render(
        request, "compare.html", lines=lines, tasks=tasks, untrained=offered(service, UNTRAINED),
        trained=offered(service, (*TRAINED, "tuned_retriever")), chosen=service.workspace.settings.compare.strategies,
    )  # fmt: skip


def offered(service: Service, names: tuple[str, ...]) -> list[str]:
    """Return the strategies that can be compared: the named ones that exist, and those that knowhow.toml names."""
    known = registry.names("strategy")
    own = [
        name for name in service.workspace.settings.compare.strategies if name not in (*UNTRAINED, *TRAINED)
    ]
    extra = own if names == UNTRAINED else []
    return [name for name in dict.fromkeys((*names, *extra)) if name in known]


async def post_comparison(request: Request) -> Any:
    """Begin a comparison from the page."""
    service, person = service_of(request), principal_of(request)
    form = await read_lists(request)
    minutes, limit = (
        read_number(first(form, "minutes"), _MOST_MINUTES),
        read_number(first(form, "limit"), _MOST_QUESTIONS),
    )
    await service.read(
        lambda: start_comparison(service, person, form.get("strategy", []), 60.0 * minutes, round(limit))
    )
    return RedirectResponse("/compare", 303)


def start_comparison(
    service: Service, person: Principal, strategies: list[str], budget_seconds: float, limit: int
) -> Any:
    """Begin a comparison in the background; 404 for an unknown strategy, 400 for fewer than two."""
    known = registry.names("strategy")
    for name in strategies:
        if name not in known:
            raise RequestError(404, say("There is no strategy {name}.", name=name[:80]), code="not_found")
    if len(strategies) == 1:
        raise RequestError(400, say("Choose at least two strategies to compare."), code="invalid")
    arguments = {"strategies": strategies, "budget_seconds": budget_seconds, "limit": limit}
    return service.tasks.start("compare", arguments, person.name)


def read_number(text: str, most: float) -> float:
    """Return a number of a form, 0 for an empty field; 400 for what is none."""
    try:
        number = float(text or 0)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise RequestError(400, say("Write a number from 0 to {most}.", most=f"{most:,.0f}"), code="invalid")
    return number


async def show_comparison(request: Request, name: str) -> Any:
    """The arms of a comparison with intervals, what follows from them, and releasing one."""
    service, person = service_of(request), principal_of(request)
    report = await service.read(lambda: service.runs.report(name))
    return render(
        request, "run.html", report=report, plots=draw_intervals(report), verdict=describe_pair,
        milliseconds=milliseconds, slowest=slowest_text, cost=cost_text, is_whole=is_readable(report, person.groups),
        releasable=_releasable(report),
    )  # fmt: skip


def describe_pair(item: Comparison, alpha: float) -> Text:
    """Say what the comparison of two strategies shows."""
    if item.test == "sequential":
        return say("{name} is better (given up early)", name=item.against)
    if item.p_adjusted > alpha or item.difference.low <= 0 <= item.difference.high:
        return say("no difference shown")
    return say("{name} is better", name=item.strategy if item.difference.value > 0 else item.against)


def _releasable(report: Report) -> list[str]:
    measured = [item.name for item in report.strategies if item.is_measured and not item.traits.is_diagnostic]
    return sorted(measured, key=lambda name: name != report.recommendation.strategy)


async def show_questions(request: Request, name: str, left: str = "", right: str = "", place: int = 1) -> Any:
    """Two strategies side by side, question by question, those furthest apart first."""
    service, person = service_of(request), principal_of(request)
    report = await service.read(lambda: service.runs.report(name))
    one, other = choose_pair(report, left, right)
    pairs = await service.read(lambda: pair_questions(report, one, other, person.groups))
    shown, paging = cut_page(pairs, place, _PAGE)
    measured = [item.name for item in report.strategies if item.is_measured]
    counts = {
        "left": sum(pair.difference < 0 for pair in pairs),
        "right": sum(pair.difference > 0 for pair in pairs),
    }
    return render(
        request, "questions.html", report=report, pairs=shown, paging=paging, left=one, right=other,
        measured=measured, counts=counts,
    )  # fmt: skip


async def show_report(request: Request, name: str) -> Any:
    """The printed report, for those who could have been given all of its answers."""
    service, person = service_of(request), principal_of(request)
    report = await service.read(lambda: service.runs.report(name))
    if not is_readable(report, person.groups):
        raise UNKNOWN
    path = service.runs.find(name) / "report.html"
    if not path.is_file():
        raise UNKNOWN
    text = await service.read(lambda: path.read_text(encoding="utf-8"))
    return allow_own_styles(HTMLResponse(text), has_style_attributes=True)


async def post_release(request: Request) -> Any:
    """Freeze an arm of a comparison as a release."""
    service, person = service_of(request), principal_of(request)
    form = await read_lists(request)
    order = ReleaseOrder(first(form, "run"), first(form, "strategy"), first(form, "reason"), person.name, first(form, "override"))  # fmt: skip
    await service.read(lambda: service.workspace.release(order))
    return RedirectResponse("/releases", 303)


ROUTES: tuple[Route, ...] = (
    page("GET", "/compare", "reviewer", show_comparisons, "Compare"),
    page("POST", "/compare", "admin", post_comparison, "Begin a comparison"),
    page("GET", "/compare/{name}", "reviewer", show_comparison, "A comparison"),
    page("GET", "/compare/{name}/questions", "reviewer", show_questions, "Questions side by side"),
    page("GET", "/compare/{name}/report", "reviewer", show_report, "The printed report"),
    page("POST", "/releases", "admin", post_release, "Release"),
)
