"""The report as Markdown, for a pull request or a wiki; no text of documents or answers is in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowhow.evaluation.expectations import Prior
from knowhow.evaluation.naming import metric_name, p_text, signed
from knowhow.evaluation.report.admission import gate_rows
from knowhow.evaluation.report.routes import HEADS, routing_rows, routing_sentences
from knowhow.evaluation.report.wording import (
    comparison_text,
    cost_text,
    interval_text,
    metric_order,
    milliseconds,
    number,
    points_text,
    prior_text,
    slowest_text,
    status_text,
    summary_text,
)
from knowhow.evaluation.results import Report

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#!])")


def render_markdown(report: Report) -> str:
    """Return the report; everything that comes from data is escaped."""
    advice, record = report.recommendation, report.record
    parts = [
        f"# {_escape(advice.headline)}",
        f"Comparison {report.id}: {report.questions} held-out questions, {metric_name(report.decisive)} decides.",
        _strategies(report),
        _comparisons(report),
        _gates(report),
        _prior(report.prior) if report.prior else "",
        _routing(report),
    ]
    for title, sentences in (
        ("Why", advice.reasons),
        ("Trade-offs", advice.trade_offs),
        ("When it would flip", advice.flips_when),
        (
            "Where the score is lost",
            tuple(gap.sentence for gap in report.diagnosis.gaps) + report.diagnosis.notes,
        ),
        ("What to do next", advice.next_steps),
        ("Limits", report.limits),
    ):
        if sentences:
            parts.append(f"## {title}\n\n" + "\n".join(f"- {_escape(sentence)}" for sentence in sentences))
    environment = {
        **record.environment,
        "index": record.index_version,
        "split": record.split.digest[:16],
        **{f"strategy {arm.key}": arm.digest[:16] for arm in record.arms},
    }
    parts.append(
        "## Environment\n\n" + _table(["what", "value"], [[key, value] for key, value in environment.items()])
    )
    parts.append(
        f"<!-- volatile -->\nMade {record.volatile.get('finished', '')} UTC in {record.volatile.get('seconds', 0)} s."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _strategies(report: Report) -> str:
    metrics = metric_order(report)
    rows = []
    for item in report.strategies:
        quality = item.metrics.get(report.decisive)
        times = item.latency
        rows.append(
            [
                item.name,
                f"{summary_text(quality)} {interval_text(quality.interval)}" if quality else "–",
                *[summary_text(item.metrics.get(name)) for name in metrics[1:]],
                milliseconds(times.p50) if times else "–",
                slowest_text(times) if times else "–",
                cost_text(item.cost_per_1000) if item.is_measured else "–",
                status_text(report, item),
            ]
        )
    heads = ["strategy", *map(metric_name, metrics), "p50", "p99", f"{report.cost_unit} / 1,000", ""]
    return _table(heads, rows)


def _comparisons(report: Report) -> str:
    if not report.comparisons:
        return ""
    rows = [
        [
            f"{item.strategy} – {item.against}",
            f"{signed(item.difference.value)} {interval_text(item.difference)}",
            f"{item.wins} / {item.ties} / {item.losses}",
            p_text(item.p_adjusted),
            number(item.detectable),
            comparison_text(item, report.record.alpha),
        ]
        for item in report.comparisons
    ]
    return "## Pair by pair\n\n" + _table(
        ["pair", "difference", "wins / ties / losses", "p (Holm)", "detectable", "verdict"], rows
    )


def _routing(report: Report) -> str:
    sentences = routing_sentences(report)
    if not sentences:
        return ""
    said = "\n".join(f"- {_escape(sentence)}" for sentence in sentences)
    table = _table(list(HEADS), [list(row) for row in routing_rows(report)])
    return f"## Routing\n\n{said}\n\n{table}"


def _prior(prior: Prior) -> str:
    text = f"## Expected and measured\n\n{_escape(prior_text(prior))} {_escape(prior.verdict)} {_escape(prior.no_steps)}".rstrip()
    rows = [
        [
            step.step,
            f"{points_text(step.expected)} ({step.studies} studies)",
            points_text(step.measured) if step.measured else "–",
            step.strategies or "–",
            step.reading,
        ]
        for step in prior.steps
    ]
    heads = ["step", "expected, points", "measured, points", "strategies", "reading"]
    return f"{text}\n\n{_table(heads, rows)}" if rows else text


def _gates(report: Report) -> str:
    rows = [[row.strategy, row.title, row.status, row.sentence] for row in gate_rows(report)]
    heads = ["strategy", "gate", "", "why"]
    return "## Gates of what was trained\n\n" + _table(heads, rows) if rows else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else _escape(cell) for cell in line) + " |" for line in lines
    )


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
