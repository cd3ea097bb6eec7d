"""The verbs compare, report and data check: measure, draw conclusions again, and look at examples before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from knowhow.config import Settings
from knowhow.evaluation.analysis import build_report, expected_difference
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.lint import LintInputs, LintReport
from knowhow.evaluation.lint import check_examples as lint_examples
from knowhow.evaluation.report import write_report
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import find_run, load_run
from knowhow.evaluation.splits import split_examples
from knowhow.evidence import name_documents
from knowhow.privacy.recognisers import find_personal_data
from knowhow.workspace.comparison import ComparisonOptions, build_metrics, plan_comparison
from knowhow.workspace.components import open_index
from knowhow.workspace.fitted import remember_fitted
from knowhow.workspace.gates import GateMeasurer
from knowhow.workspace.judging import add_judged, judge_answers, with_judge
from knowhow.workspace.measurement import add_prior
from knowhow.workspace.windows import find_window
from knowhow.workspace.working import working


def compare(settings: Settings, options: ComparisonOptions) -> tuple[Report, Path]:
    """Measure the strategies on the held-out examples; return the report and the path of its page."""
    with working(settings.state, "a comparison"):
        return _compare(settings, options)


def _compare(settings: Settings, options: ComparisonOptions) -> tuple[Report, Path]:
    plan, components = plan_comparison(settings, options)
    try:
        plan = with_judge(settings, plan, components)
        metric = plan.metrics[plan.decisive]
        measurer = GateMeasurer(settings, components, plan.examples, metric, lambda: _error_kinds(settings))
        record = judge_answers(run_experiment(replace(plan, measure_gates=measurer)), plan)
    finally:
        components.close()
    remember_fitted(settings, {arm.name: arm.fitted for arm in record.arms if arm.fitted and arm.seed == 0})
    folder = plan.runs / record.id
    report = add_prior(build_report(record, add_judged(plan.metrics, record, folder)))
    return report, write_report(report, folder)


def reopen_report(settings: Settings, name: str = "", *, is_rescored: bool = False) -> tuple[Report, Path]:
    """Draw the report of a finished run again from its kept answers, newest by default; `is_rescored` also writes its files anew."""
    folder = find_run(settings.state / "runs", name)
    record = load_run(folder)
    metrics = add_judged(build_metrics(settings, record.metrics), record, folder)
    report = add_prior(build_report(record, metrics))
    page = folder / "report.html"
    if is_rescored or not page.exists():
        page = write_report(report, folder)
    return report, page


def check_examples(settings: Settings, path: Path | None = None) -> LintReport:
    """Check the configured examples, or those of another file, against the index where there is one."""
    found = read_examples(path or settings.root / settings.examples.path)
    documents, names = _indexed_texts(settings)
    window = find_window(settings)
    return lint_examples(
        found.examples,
        LintInputs(
            documents=documents,
            document_names=names,
            split=split_examples(found.examples, settings.examples.held_out),
            lines=found.lines,
            find_personal_data=lambda text: [item.kind for item in find_personal_data(text)],
            count_tokens=window.count,
            window_tokens=window.tokens,
            window_unchecked=window.unchecked,
            notices=found.notices,
        ),
    )


def _error_kinds(settings: Settings) -> list[str]:
    return [finding.kind for finding in check_examples(settings).findings if finding.severity == "error"]


def _indexed_texts(settings: Settings) -> tuple[Mapping[str, str] | None, frozenset[str]]:
    """Return texts by document id and every name that leads to one or more; None where nothing was ingested yet."""
    path = settings.state / "index.sqlite"
    if not path.exists():
        return None, frozenset()
    index = open_index(settings, path, "")
    try:
        records = index.records()
        texts = {record.id: index.document(record.id).text for record in records}
        names = name_documents((record.id, record.source) for record in records)
        return texts, frozenset({*names, *(record.source for record in records)})
    finally:
        index.close()


__all__ = ["ComparisonOptions", "check_examples", "compare", "expected_difference", "reopen_report"]
