"""From a run to a report: scores, intervals, comparisons, diagnosis and advice; the same run gives the same report."""

from __future__ import annotations

from collections.abc import Mapping

from knowhow.evaluation.admission import complete_gates
from knowhow.evaluation.diagnosis import diagnose
from knowhow.evaluation.pairs import compare_pairs
from knowhow.evaluation.recommendation import recommend
from knowhow.evaluation.results import Report, StrategyResult
from knowhow.evaluation.routing_summary import summarise_routing
from knowhow.evaluation.runs import RunRecord
from knowhow.evaluation.scores import score_run, split_seeds, tabulate
from knowhow.evaluation.splits import label_clusters
from knowhow.evaluation.statistics import assumed_deviation, detectable_difference
from knowhow.evaluation.summaries import cost_unit, summarise
from knowhow.protocols import Metric


def build_report(record: RunRecord, metrics: Mapping[str, Metric]) -> Report:
    """Score a run and draw the conclusions; `metrics` must hold the run's decisive metric."""
    scores = score_run(record, metrics)
    clusters = label_clusters(record.examples)
    table = tabulate(scores)
    strategies = summarise(record, scores, clusters)
    comparisons = compare_pairs(record, strategies, table, clusters, split_seeds(scores, record.decisive))
    diagnosis = diagnose(record, strategies, table, clusters)
    unit = cost_unit(record.prices)
    gates = complete_gates(record, strategies, comparisons, unit)
    detectable = [item.detectable for item in comparisons if item.detectable is not None]
    return Report(
        id=record.id,
        decisive=record.decisive,
        strategies=strategies,
        comparisons=comparisons,
        diagnosis=diagnosis,
        recommendation=recommend(record, strategies, comparisons, diagnosis, unit, table, gates),
        scores=scores,
        questions=record.planned,
        clusters=len(set(clusters.values())),
        detectable_before=expected_difference(record.planned, len(record.arms), record.alpha),
        detectable=max(detectable) if detectable else None,
        cost_unit=unit,
        limits=_limits(record, strategies),
        record=record,
        gates=gates,
        routing=summarise_routing(record, table, comparisons),
    )


def expected_difference(questions: int, arms: int, alpha: float = 0.05) -> float:
    """Return the difference that a comparison will probably be able to show, before any answer exists."""
    pairs = max(1, arms * (arms - 1) // 2)
    return detectable_difference(questions, assumed_deviation(), alpha=alpha, comparisons=pairs)


def _limits(record: RunRecord, strategies: tuple[StrategyResult, ...]) -> tuple[str, ...]:
    """What the reader must know before leaning on the figures."""
    found = []
    if record.planned < record.total and record.budget_seconds is not None:
        now, then = (
            expected_difference(count, len(record.arms), record.alpha)
            for count in (record.planned, record.total)
        )
        found.append(
            f"The budget of {record.budget_seconds / 60:.3g} minutes allowed {record.planned} of {record.total} held-out questions: "
            f"differences of about {100 * now:.0f} points can be shown instead of {100 * then:.0f}."
        )
    if gone := record.volatile.get("purged"):
        found.append(
            f"{gone} questions were taken out afterwards, because a document behind them was purged."
        )
    for item in strategies:
        if item.skipped:
            found.append(f"{item.name} was not measured: {item.skipped}")
        if item.lost_to:
            found.append(
                f"{item.name} was given up after {item.answered} of {record.planned} questions: it was shown to be worse than {item.lost_to} "
                f"by a bound that holds at any time (error at most {record.alpha:.0%})."
            )
        if item.failed:
            found.append(
                f"{item.failed} answers of {item.name} failed; they score 0 on quality and are left out of cost."
            )
    if record.judge is not None:
        found.append(record.judge.sentence)
    once = [item.name for item in strategies if item.traits.learns and item.is_measured and item.seeds == 1]
    if once:
        found.append(
            f"{', '.join(once)} learned once, with one seed: how far another training would come out differently was not measured "
            '(effort = "standard" trains three times, "thorough" five times).'
        )
    timed = [item.latency for item in strategies if item.latency is not None]
    if timed:
        calls = min(item.calls for item in timed)
        found.append(
            f"Latency is measured apart on {calls} single calls per strategy, the answers for quality came in batches"
            + ("; with fewer than 100 calls the P99 is the slowest call seen." if calls < 100 else ".")
        )
    leaks = [leak for leak in record.split.leaks if leak.kind == "question"]
    if leaks:
        found.append(
            f"{len({leak.held_out_id for leak in leaks})} held-out questions nearly repeat training questions, as the file's own split demands: "
            "strategies that learn look better than they are."
        )
    if any(leak.kind == "evidence" for leak in record.split.leaks):
        found.append(
            "Training and held-out questions share documents: the figures hold for new questions about known documents."
        )
    if record.planned < 30:
        found.append(f"{record.planned} questions are very few; treat every figure as a first impression.")
    return (*found, *record.split.notes)
