"""The files of a report in its run folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from knowhow.evaluation.report.html import render_html
from knowhow.evaluation.report.markdown import render_markdown
from knowhow.evaluation.report.structure import report_to_json
from knowhow.evaluation.results import Report
from knowhow.storage import write_json, write_text


def write_report(report: Report, folder: Path) -> Path:
    """Write scores.jsonl and report.json, .md and .html into the run's folder; return the path of the page."""
    lines = (json.dumps(asdict(score), ensure_ascii=False, sort_keys=True) for score in report.scores)
    write_text(folder / "scores.jsonl", "".join(f"{line}\n" for line in lines))
    write_json(folder / "report.json", report_to_json(report))
    write_text(folder / "report.md", render_markdown(report))
    page = folder / "report.html"
    write_text(page, render_html(report))
    return page
