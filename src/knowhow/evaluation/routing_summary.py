"""Does routing pay? The routing arm beside the best single strategy, chosen in hindsight, and beside the oracle router."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.naming import metric_name, signed
from knowhow.evaluation.pairs import find_comparison
from knowhow.evaluation.results import IntentRouting, RoutingSummary, StrategyResult
from knowhow.evaluation.runs import RoutingRecord, RunRecord
from knowhow.evaluation.scores import Table
from knowhow.evaluation.statistics import is_difference_shown
from knowhow.types import Comparison, Example


def summarise_routing(
    record: RunRecord, table: Table, comparisons: Sequence[Comparison]
) -> RoutingSummary | None:
    """Return what routing gained over the questions that it and all its candidates were scored on; None without a routing arm."""
    routing = record.routing
    if routing is None:
        return None
    values = {
        name: table.get(name, {}).get(record.decisive, {}) for name in (routing.arm, *routing.candidates)
    }
    shared = [example for example in record.examples if all(example.id in found for found in values.values())]
    if not shared:
        return None
    sign = 1.0 if information(record.decisive).higher_is_better else -1.0
    means = {name: _mean(found, shared) for name, found in values.items()}
    single = max(routing.candidates, key=lambda name: sign * means[name])
    oracle = sum(
        sign * max(sign * values[name][example.id] for name in routing.candidates) for example in shared
    ) / len(shared)
    found = find_comparison(comparisons, routing.arm, single)
    labelled = [example for example in shared if example.intent]
    right = sum(routing.routes[example.id].intent == example.intent for example in labelled)
    pays, verdict = _judge(record, means[routing.arm], single, means[single], oracle, found)
    return RoutingSummary(
        candidates=routing.candidates,
        folds=routing.folds,
        single=single,
        routed_value=means[routing.arm],
        single_value=means[single],
        oracle_value=oracle,
        difference=found.difference if found else None,
        accuracy=right / len(labelled) if labelled else None,
        unknown=sum(not routing.routes[example.id].intent for example in shared) / len(shared),
        moved=sum(
            routing.routes[example.id].strategy != routing.kept[example.id].strategy for example in shared
        )
        / len(shared),
        intents=_intents(routing, values, shared, single, sign),
        pays=pays,
        verdict=verdict,
    )


def _judge(
    record: RunRecord, routed: float, single: str, value: float, oracle: float, found: Comparison | None
) -> tuple[bool, str]:
    """Return whether routing is shown to pay, and the sentence."""
    metric = metric_name(record.decisive)
    sign = 1.0 if information(record.decisive).higher_is_better else -1.0
    gain = sign * (routed - value)
    room = sign * (oracle - value)
    ceiling = f"a router that always knew the best answer would reach {oracle:.2f}"
    figures = f"{metric} {routed:.2f} against {value:.2f} of {single} alone"
    if gain > 0 and found is not None and is_difference_shown(found, record.alpha):
        share = f", {gain / room:.0%} of what is possible" if room > 0 else ""
        return True, f"Routing pays: {figures}{share}; {ceiling}."
    if gain > 0:
        return (
            False,
            f"Routing is not shown to pay: {figures} ({signed(gain)}, which may be chance); {ceiling}.",
        )
    return False, f"Routing does not pay: {figures}; use {single} alone. {ceiling[:1].upper()}{ceiling[1:]}."


def _intents(
    routing: RoutingRecord,
    values: Mapping[str, Mapping[str, float]],
    shared: Sequence[Example],
    single: str,
    sign: float,
) -> tuple[IntentRouting, ...]:
    grouped: dict[str, list[Example]] = defaultdict(list)
    for example in shared:
        grouped[routing.routes[example.id].intent].append(example)
    rows = []
    for intent, members in sorted(grouped.items(), key=lambda item: (not item[0], -len(item[1]), item[0])):
        means = {name: _mean(values[name], members) for name in routing.candidates}
        best = max(routing.candidates, key=lambda name: sign * means[name])
        chosen = [routing.kept[example.id].strategy for example in members]
        rows.append(
            IntentRouting(
                intent,
                len(members),
                " or ".join(dict.fromkeys(chosen)),
                _mean(values[routing.arm], members),
                means[single],
                best,
                means[best],
            )
        )
    return tuple(rows)


def _mean(values: Mapping[str, float], examples: Sequence[Example]) -> float:
    return sum(values[example.id] for example in examples) / len(examples)


def explain_idle_routing(
    record: RunRecord, kept: Sequence[StrategyResult], comparisons: Sequence[Comparison]
) -> str:
    """Return why routing is not worth its extra part: it is not shown to beat the best of the other strategies; empty where it is."""
    others = [item for item in kept if record.routing and item.name != record.routing.arm]
    if record.routing is None or not others or len(others) == len(kept):
        return ""
    sign = 1.0 if information(record.decisive).higher_is_better else -1.0
    best = max(others, key=lambda item: sign * item.metrics[record.decisive].interval.value)
    found = find_comparison(comparisons, record.routing.arm, best.name)
    if found is not None and found.difference.value > 0 and is_difference_shown(found, record.alpha):
        return ""
    return f"{record.routing.arm} is ruled out: it is not shown to beat {best.name} alone, which is simpler to keep."
