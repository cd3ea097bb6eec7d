"""One report in four forms: terminal, JSON, Markdown and a page that opens offline without JavaScript."""

from knowhow.evaluation.report.files import write_report
from knowhow.evaluation.report.html import render_html
from knowhow.evaluation.report.markdown import render_markdown
from knowhow.evaluation.report.structure import report_to_json
from knowhow.evaluation.report.terminal import print_report

__all__ = ["print_report", "render_html", "render_markdown", "report_to_json", "write_report"]
