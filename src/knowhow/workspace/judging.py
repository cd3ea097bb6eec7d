"""The judge of [judge]: calibrated on the user's labels before a comparison, and silent unless it agrees with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from knowhow.config import Settings
from knowhow.errors import BackendError, ConfigError, PolicyError
from knowhow.evaluation.arms import ExperimentPlan
from knowhow.evaluation.judge_record import JudgeRecord
from knowhow.evaluation.judging import JUDGED, KeptJudge, judge_run, read_labels
from knowhow.evaluation.metrics.judge import Calibration, GeneratorJudge, JudgedGrounding, calibrate
from knowhow.evaluation.runs import RunRecord, save_run
from knowhow.protocols import Metric
from knowhow.types import Interval
from knowhow.workspace.components import WorkspaceComponents

KEPT = "judged.jsonl"
"""The verdicts of a run, beside its answers: reports are made again from them without asking the judge."""


def with_judge(settings: Settings, plan: ExperimentPlan, components: WorkspaceComponents) -> ExperimentPlan:
    """Return the plan with the judge's metric where it may speak, and in any case with what the report has to say about it.

    Unchanged without [judge] labels. PolicyError where the judge was to decide and may not speak.
    """
    if not settings.judge.labels:
        if plan.decisive == JUDGED:
            raise ConfigError(f"The metric {JUDGED} needs a judge: set [judge] labels in knowhow.toml.")
        return plan
    cases, labels = read_labels(settings.root / settings.judge.labels)
    generator = components.judge()
    is_own = generator is components.generator()
    judge = KeptJudge(plan.cache / "judge" / f"{generator.identity[:32]}.jsonl", GeneratorJudge(generator))
    try:
        calibration = calibrate(judge, cases, labels, floor=settings.judge.floor)
    except BackendError as error:
        record = JudgeRecord(generator.identity, len(labels), floor=settings.judge.floor, problem=str(error))
    else:
        record = _record(generator.identity, calibration, is_own)
    if record.is_speaking:
        metric = JudgedGrounding(judge, calibration)
        return replace(plan, metrics={**plan.metrics, JUDGED: metric}, judge=record)
    if plan.decisive == JUDGED:
        raise PolicyError(f"{JUDGED} cannot decide. {record.sentence}")
    return replace(plan, judge=record)


def judge_answers(record: RunRecord, plan: ExperimentPlan) -> RunRecord:
    """Ask for the verdicts on a finished run's answers and keep them beside it; a judge that fails there is silent, and the run says so."""
    metric = plan.metrics.get(JUDGED)
    if not isinstance(metric, JudgedGrounding) or record.judge is None:
        return record
    folder = plan.runs / record.id
    try:
        judge_run(record, metric, folder / KEPT)
    except BackendError as error:
        record = replace(record, judge=replace(record.judge, problem=str(error)))
        save_run(record, folder)
    return record


def add_judged(metrics: Mapping[str, Metric], record: RunRecord, folder: Path) -> dict[str, Metric]:
    """Return the metrics of a finished run with the judge's own, which speaks from its kept verdicts alone; without it where it was silent."""
    plain = {name: metric for name, metric in metrics.items() if name != JUDGED}
    judge = record.judge
    if judge is None or not judge.is_speaking or judge.kappa is None:
        return plain
    calibration = Calibration(judge.kappa, judge.labels, judge.unreadable, judge.floor)
    return {**plain, JUDGED: JudgedGrounding(KeptJudge(folder / KEPT), calibration)}


def _record(identity: str, calibration: Calibration, is_own: bool) -> JudgeRecord:
    kappa: Interval = calibration.kappa
    problem = (
        ""
        if calibration.is_passed
        else f"the lower end of its agreement must reach {calibration.floor:.2f}. Label more answers, or choose a stronger judge."
    )
    return JudgeRecord(
        identity,
        calibration.labels,
        calibration.unreadable,
        kappa,
        calibration.floor,
        problem,
        is_own,
    )
