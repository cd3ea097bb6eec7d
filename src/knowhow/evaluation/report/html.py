"""The report as one page: opens offline, runs no script, fetches nothing, and stays under 300 KB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from knowhow.evaluation.naming import metric_name, p_text, signed
from knowhow.evaluation.report import charts
from knowhow.evaluation.report.admission import gate_rows
from knowhow.evaluation.report.questions import Comparison, compare_questions
from knowhow.evaluation.report.routes import HEADS, routing_rows, routing_sentences
from knowhow.evaluation.report.wording import (
    comparison_text,
    cost_text,
    goal_texts,
    interval_text,
    metric_order,
    milliseconds,
    number,
    points_text,
    prior_text,
    sentence_case,
    slowest_text,
    status_text,
    summary_text,
)
from knowhow.evaluation.results import Report

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_BYTES = 290_000
_QUESTION_COUNTS = (60, 40, 25, 15, 8, 4, 0)


def render_html(report: Report) -> str:
    """Return the page, with as many questions side by side as its size allows; all text from data is escaped."""
    questions = compare_questions(report)
    template = _environment().get_template("report.html.j2")
    context = _context(report)
    for count in _QUESTION_COUNTS:
        page = template.render(
            **context, questions=_anchored(report, questions, count), question_count=len(questions)
        )
        if len(page.encode()) <= MAX_BYTES:
            break
    return page


def _anchored(report: Report, questions: list[Comparison], count: int) -> list[Comparison]:
    """Return the first questions, and after them those that the diagnosis points at."""
    shown = questions[:count]
    if not count:
        return shown
    wanted = {example for gap in report.diagnosis.gaps for example in gap.examples}
    known = {item.id for item in shown}
    return shown + [item for item in questions[count:] if item.id in wanted and item.id not in known]


def _context(report: Report) -> dict[str, Any]:
    record = report.record
    quality, quality_ticks = charts.quality_bars(report)
    latency, latency_ticks = charts.latency_bars(report)
    return {
        "report": report,
        "advice": report.recommendation,
        "record": record,
        "metrics": metric_order(report),
        "colours": charts.colours(report),
        "quality": quality,
        "quality_ticks": quality_ticks,
        "latency": latency,
        "latency_ticks": latency_ticks,
        "plane": charts.quality_cost_plane(report),
        "ladder": charts.ladder_steps(report),
        "level": f"{1 - record.alpha:.0%}",
        "facts": _facts(report),
        "gates": gate_rows(report),
        "goal": goal_texts(record.goal),
        "prior": prior_text(report.prior) if report.prior else "",
        "expectations": charts.expectation_bars(report.prior) if report.prior else None,
        "routing": routing_sentences(report),
        "routing_heads": HEADS,
        "routing_rows": routing_rows(report),
        "environment": _environment_rows(report),
        "settings": _settings_rows(record.settings),
    }


def _facts(report: Report) -> list[tuple[str, str]]:
    """The few figures that say how much the page can be leaned on."""
    record = report.record
    asked = (
        f"{report.questions}" if report.questions == record.total else f"{report.questions} of {record.total}"
    )
    facts = [("held-out questions", asked), ("independent clusters", str(report.clusters))]
    measured = [item for item in report.strategies if item.is_measured]
    facts.append(("strategies measured", str(len(measured))))
    if report.detectable is not None:
        facts.append(("smallest difference shown reliably", number(report.detectable)))
    judge = record.judge
    if judge is not None:
        agreement = "–" if judge.kappa is None else f"{judge.kappa.value:.2f} {interval_text(judge.kappa)}"
        facts.append((f"judge's agreement, kappa{'' if judge.is_speaking else ' (silent)'}", agreement))
    if report.diagnosis.coverage is not None:
        facts.append(("answers found in the documents", f"{report.diagnosis.coverage:.0%}"))
    return facts


def _environment_rows(report: Report) -> list[tuple[str, str]]:
    record = report.record
    return [
        ("comparison", report.id),
        ("index version", record.index_version or "–"),
        ("split", f"{record.split.digest[:16]} by {record.split.by}"),
        ("error level", f"{record.alpha:g}"),
        ("bootstrap resamples", str(record.resamples)),
        *((f"strategy {arm.key}", f"{arm.digest[:16]}, seed {arm.seed}") for arm in record.arms),
        *record.environment.items(),
    ]


def _settings_rows(settings: Any, prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += _settings_rows(value, f"{name}.")
        elif value not in ("", None, [], ()):
            rows.append((name, str(value)))
    return rows


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("knowhow.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        metric_name=metric_name,
        number=number,
        interval=interval_text,
        summary=summary_text,
        milliseconds=milliseconds,
        slowest=slowest_text,
        cost=cost_text,
        points=points_text,
        p=p_text,
        signed=signed,
        sentence=sentence_case,
    )
    environment.globals.update(status=status_text, verdict=comparison_text)
    return environment
