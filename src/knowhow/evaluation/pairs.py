"""Every strategy against every other on the decisive metric, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.results import StrategyResult
from knowhow.evaluation.runs import RunRecord
from knowhow.evaluation.scores import SeedRows, Table
from knowhow.evaluation.statistics import adjust, compare, compare_over_seeds, log_capital
from knowhow.types import Comparison


def compare_pairs(
    record: RunRecord,
    strategies: Sequence[StrategyResult],
    table: Table,
    clusters: Mapping[str, str],
    seeds: SeedRows | None = None,
) -> tuple[Comparison, ...]:
    """Compare all finished strategies with each other (one family under Holm), and each given-up one with who beat it.

    Where `seeds` hold several trainings of a strategy, how these differ counts in its intervals and tests.
    The p-value of a given-up strategy is the one that holds at any time, because the answers themselves decided when to stop.
    """
    rivals = [item for item in strategies if item.is_measured and not item.traits.is_diagnostic]
    finished = [item.name for item in rivals if not item.lost_to]
    pairs = list(combinations(finished, 2))
    family = [
        found
        for one, other in pairs
        if (found := compare_two(record, table, clusters, one, other, seeds=seeds, comparisons=len(pairs)))
        is not None
    ]
    stopped = [
        found
        for item in rivals
        if item.lost_to
        and (found := _compare_stopped(record, table, clusters, item, len(rivals))) is not None
    ]
    return (*adjust(family), *stopped)


def compare_two(
    record: RunRecord,
    table: Table,
    clusters: Mapping[str, str],
    one: str,
    other: str,
    *,
    seeds: SeedRows | None = None,
    comparisons: int = 1,
) -> Comparison | None:
    """Compare two strategies on the decisive metric over the questions that both were asked.

    With several `seeds` of either, both questions and seeds are random; otherwise the questions alone are.
    """
    rows = [list((seeds or {}).get(name, ())) for name in (one, other)]
    if max(map(len, rows)) > 1 and all(rows):
        return _compare_seeds(record, clusters, one, other, rows, comparisons)
    ours, theirs = table.get(one, {}).get(record.decisive, {}), table.get(other, {}).get(record.decisive, {})
    info = information(record.decisive)
    ids = [example.id for example in record.examples]
    return compare(
        [ours.get(example) for example in ids],
        [theirs.get(example) for example in ids],
        metric=record.decisive,
        strategy=one,
        against=other,
        clusters=[clusters[example] for example in ids],
        is_binary=info.is_binary,
        higher_is_better=info.higher_is_better,
        level=1 - record.alpha,
        comparisons=comparisons,
        resamples=record.resamples,
    )


def _compare_seeds(
    record: RunRecord,
    clusters: Mapping[str, str],
    one: str,
    other: str,
    rows: Sequence[Sequence[Mapping[str, float]]],
    comparisons: int,
) -> Comparison | None:
    ids = [example.id for example in record.examples]
    ours, theirs = ([[row.get(example) for example in ids] for row in strategy] for strategy in rows)
    return compare_over_seeds(
        ours,
        theirs,
        metric=record.decisive,
        strategy=one,
        against=other,
        clusters=[clusters[example] for example in ids],
        higher_is_better=information(record.decisive).higher_is_better,
        level=1 - record.alpha,
        comparisons=comparisons,
    )


def find_comparison(comparisons: Sequence[Comparison], one: str, other: str) -> Comparison | None:
    """Return the comparison of two strategies seen from `one`: difference, wins and losses are turned round where needed."""
    for item in comparisons:
        if (item.strategy, item.against) == (one, other):
            return item
        if (item.strategy, item.against) == (other, one):
            gap = item.difference
            return replace(
                item,
                strategy=one,
                against=other,
                difference=replace(gap, value=-gap.value, low=-gap.high, high=-gap.low),
                wins=item.losses,
                losses=item.wins,
            )
    return None


def _compare_stopped(
    record: RunRecord, table: Table, clusters: Mapping[str, str], item: StrategyResult, rivals: int
) -> Comparison | None:
    found = compare_two(record, table, clusters, item.name, item.lost_to)
    if found is None:
        return None
    sign = 1.0 if information(record.decisive).higher_is_better else -1.0
    ours, theirs = table[item.name][record.decisive], table[item.lost_to][record.decisive]
    grouped: dict[str, list[float]] = {}
    for example in record.examples:
        if example.id in ours and example.id in theirs:
            grouped.setdefault(clusters[example.id], []).append(
                sign * (ours[example.id] - theirs[example.id])
            )
    means = np.array([sum(values) / len(values) for values in grouped.values()])[:, None]
    p_value = min(1.0, float(np.exp(-log_capital(means, margin=-record.margin).max(initial=0.0))))
    return replace(
        found,
        p_value=p_value,
        p_adjusted=min(1.0, p_value * (rivals - 1)),
        test="sequential",
        detectable=None,
    )
