"""[goal] as limits: which of them a measured strategy breaks."""

from __future__ import annotations

from knowhow.evaluation.results import StrategyResult
from knowhow.evaluation.runs import RunRecord


def broken_limit(record: RunRecord, item: StrategyResult, unit: str) -> str:
    """Return which limit of the run's goal a measured strategy breaks, as the end of a sentence; empty when none."""
    goal, traits = record.goal, item.traits
    if goal.citations and not traits.cites:
        return "answers must cite their sources, which it cannot"
    if goal.freshness and not traits.is_live:
        return "answers must follow changes of the documents at once, which it cannot"
    # What retrieves keeps restricted text in the index; training itself reads public rows only.
    if goal.permissions and traits.learns and not traits.retrieves:
        return "readers have different rights, and facts that live in weights cannot be withheld from anyone"
    if goal.on_premise and record.prices.is_remote:
        return "nothing may leave the premises, but its model is remote"
    if goal.max_latency_ms is not None and item.latency and item.latency.p99 > goal.max_latency_ms:
        return f"its slowest answers take {item.latency.p99:,.0f} ms, more than {goal.max_latency_ms:,.0f} ms"
    if goal.max_cost_per_1000 is not None and item.cost_per_1000 > goal.max_cost_per_1000:
        return f"1,000 answers cost {item.cost_per_1000:.3g} {unit}, more than {goal.max_cost_per_1000:.3g}"
    quality = item.metrics[record.decisive].interval.value
    if goal.min_quality is not None and quality < goal.min_quality:
        return f"it scores {quality:.2f}, less than the {goal.min_quality:.2f} asked for"
    return ""
