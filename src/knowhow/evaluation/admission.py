"""Which trained strategies may be recommended: the gates measured with the run, and the margin over what needs no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from knowhow.evaluation.limits import broken_limit
from knowhow.evaluation.naming import metric_name
from knowhow.evaluation.pairs import find_comparison
from knowhow.evaluation.results import StrategyResult
from knowhow.evaluation.runs import RunRecord
from knowhow.evaluation.statistics import is_difference_shown
from knowhow.types import Comparison, Gate

MARGIN = "margin"
Gates = Mapping[str, tuple[Gate, ...]]
"""Gates by trained strategy; strategies without training have none."""


def complete_gates(
    record: RunRecord, strategies: Sequence[StrategyResult], comparisons: Sequence[Comparison], unit: str
) -> Gates:
    """Return the run's gates with the margin added and those named in [training] overrule overruled."""
    overruled = overruled_gates(record.settings)
    found: dict[str, tuple[Gate, ...]] = {}
    for item in strategies:
        if not item.traits.learns or not item.is_measured or record.decisive not in item.metrics:
            continue
        measured = record.gates.get(item.name, ())
        gates = (gate_margin(record, item, strategies, comparisons, unit), *measured)
        found[item.name] = tuple(
            replace(gate, is_overruled=gate.is_overruled or (not gate.passed and gate.name in overruled))
            for gate in gates
        )
    return found


def overruled_gates(settings: Mapping[str, object]) -> frozenset[str]:
    """Return the names in [training] overrule of a run's settings."""
    training = settings.get("training", {})
    names = training.get("overrule", ()) if isinstance(training, Mapping) else ()
    return frozenset(str(name) for name in names)


def gate_margin(
    record: RunRecord,
    item: StrategyResult,
    strategies: Sequence[StrategyResult],
    comparisons: Sequence[Comparison],
    unit: str,
) -> Gate:
    """Check that a trained strategy is shown to beat every prompt and retrieval without training that keeps the limits."""
    untrained = [
        other
        for other in strategies
        if other.is_measured
        and not other.traits.learns
        and not other.traits.is_diagnostic
        and record.decisive in other.metrics
    ]
    if not untrained:
        return Gate(
            MARGIN,
            False,
            "It was not measured beside a prompt or retrieval without training.",
            f"Measure them together: knowhow compare --strategies base,rag,{item.name}",
        )
    rivals = [other for other in untrained if not broken_limit(record, other, unit)]
    if not rivals:
        return Gate(MARGIN, True, "No strategy without training keeps the limits of [goal].")
    level = [other.name for other in rivals if not _is_beaten(record, item, other, comparisons)]
    lows = [
        found.difference.low
        for other in rivals
        if (found := find_comparison(comparisons, item.name, other.name)) is not None
    ]
    value = min(lows, default=None)
    metric = metric_name(record.decisive)
    if level:
        reason = f"It is not shown to beat {', '.join(level)} in {metric}, so training is not proved to pay."
        mend = f"Use {level[0]}, or add held-out questions until the difference shows."
        return Gate(MARGIN, False, reason, mend, value=value, limit=0.0)
    names = ", ".join(other.name for other in rivals)
    return Gate(MARGIN, True, f"It is shown to beat {names} in {metric}.", value=value, limit=0.0)


def closed_gates(gates: Sequence[Gate]) -> list[Gate]:
    """Return the gates that keep a strategy from being recommended."""
    return [gate for gate in gates if not gate.is_open]


def _is_beaten(
    record: RunRecord, item: StrategyResult, other: StrategyResult, comparisons: Sequence[Comparison]
) -> bool:
    if item.lost_to:
        return False
    if other.lost_to:
        # Given up as worse than an arm that the trained one, not given up itself, must not be worse than.
        ours, theirs = (one.metrics[record.decisive].interval.value for one in (item, other))
        return other.lost_to == item.name or ours > theirs
    found = find_comparison(comparisons, item.name, other.name)
    return found is not None and found.difference.value > 0 and is_difference_shown(found, record.alpha)
