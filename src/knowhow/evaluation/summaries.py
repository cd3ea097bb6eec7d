"""Each strategy's figures: quality with intervals, single-call latency, tokens and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from knowhow.evaluation.arms import Prices
from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.results import LatencySummary, MetricSummary, StrategyResult
from knowhow.evaluation.runs import ArmRecord, RunRecord
from knowhow.evaluation.scores import Table, split_seeds, tabulate
from knowhow.evaluation.statistics import mean_interval, mean_over_seeds
from knowhow.types import Answer, Interval, Score, Traits

_PERCENTILE_CALLS = 100
_NOT_SHARED = frozenset({"latency", "cost"})


def summarise(
    record: RunRecord, scores: Sequence[Score], clusters: Mapping[str, str]
) -> tuple[StrategyResult, ...]:
    """Return one result per strategy in the order of the arms, seeds together."""
    table = tabulate(scores)
    seeds = {metric: split_seeds(scores, metric) for metric in record.metrics}
    by_name: dict[str, list[ArmRecord]] = {}
    for arm in record.arms:
        by_name.setdefault(arm.name, []).append(arm)
    results = []
    for name, arms in by_name.items():
        base = StrategyResult(name, arms[0].traits, skipped=arms[0].skipped, lost_to=arms[0].lost_to)
        measured = [arm for arm in arms if arm.key in record.answers]
        if measured:
            rows = {metric: found.get(name, ()) for metric, found in seeds.items()}
            base = _with_figures(base, record, measured, table, rows, clusters)
            if len(measured) > 1:
                base = replace(base, seeds=len(measured), seed_deviation=_deviation(rows[record.decisive]))
        results.append(base)
    return tuple(results)


def summarise_latency(times_ms: Sequence[float]) -> LatencySummary | None:
    """Return mean, median and 99th percentile of single calls; None without any."""
    if not times_ms:
        return None
    ordered = sorted(times_ms)
    count = len(ordered)
    middle = ordered[count // 2] if count % 2 else (ordered[count // 2 - 1] + ordered[count // 2]) / 2
    return LatencySummary(
        count,
        sum(ordered) / count,
        middle,
        ordered[min(count - 1, math.ceil(0.99 * count) - 1)],
        count < _PERCENTILE_CALLS,
    )


def answer_cost(prices: Prices, prompt_tokens: float, completion_tokens: float, seconds: float) -> float:
    """Return what one answer costs: by tokens, plus machine time at its price, or bare seconds where nothing has a price."""
    by_token = (
        prompt_tokens * prices.prompt_per_million + completion_tokens * prices.completion_per_million
    ) / 1e6
    if by_token or prices.machine_per_hour:
        return by_token + seconds * prices.machine_per_hour / 3600
    return seconds


def cost_unit(prices: Prices) -> str:
    """Return the unit of all costs."""
    if prices.prompt_per_million or prices.completion_per_million or prices.machine_per_hour:
        return prices.currency or "units of money"
    return "machine seconds"


def _with_figures(
    base: StrategyResult,
    record: RunRecord,
    arms: Sequence[ArmRecord],
    table: Table,
    seeds: Mapping[str, Sequence[Mapping[str, float]]],
    clusters: Mapping[str, str],
) -> StrategyResult:
    answers = [answer for arm in arms for answer in record.answers[arm.key].values()]
    answered = max(arm.answered for arm in arms)
    seconds = sum(arm.answer_seconds for arm in arms) / max(1, sum(arm.answered for arm in arms))
    prompt, completion = _mean_tokens(answers)
    fit_seconds = sum(arm.fit_seconds for arm in arms) / len(arms)
    return replace(
        base,
        answered=answered,
        failed=sum(answer.error is not None for answer in answers),
        metrics=_metric_summaries(
            record, _applicable(base.traits, table.get(base.name, {})), seeds, clusters
        ),
        latency=summarise_latency([time for arm in arms for time in record.latencies_ms.get(arm.key, ())]),
        prompt_tokens=prompt,
        completion_tokens=completion,
        seconds_per_answer=seconds,
        cost_per_1000=1000 * answer_cost(record.prices, prompt, completion, seconds),
        fit_seconds=fit_seconds,
        fit_cost=answer_cost(record.prices, 0.0, 0.0, fit_seconds),
    )


def _applicable(
    traits: Traits, values: Mapping[str, Mapping[str, float]]
) -> Mapping[str, Mapping[str, float]]:
    """Leave out what a strategy does not do: an answer alone cannot tell "found nothing" from "never looked"."""
    return {
        metric: by_example
        for metric, by_example in values.items()
        if traits.retrieves or information(metric).kind != "retrieval"
    }


def _metric_summaries(
    record: RunRecord,
    values: Mapping[str, Mapping[str, float]],
    seeds: Mapping[str, Sequence[Mapping[str, float]]],
    clusters: Mapping[str, str],
) -> dict[str, MetricSummary]:
    found = {}
    for metric in record.metrics:
        info = information(metric)
        by_example = values.get(metric, {})
        # Latency and cost are not averaged over batched answers; they have figures of their own.
        if not by_example or info.kind in _NOT_SHARED:
            continue
        interval = _interval(record, by_example, seeds[metric], clusters)
        low, high = (
            max(interval.low, info.low),
            min(interval.high, math.inf if info.high is None else info.high),
        )
        found[metric] = MetricSummary(
            metric,
            info.kind,
            info.unit,
            info.higher_is_better,
            replace(interval, low=low, high=high),
            len(by_example),
        )
    return found


def _interval(
    record: RunRecord,
    by_example: Mapping[str, float],
    seeds: Sequence[Mapping[str, float]],
    clusters: Mapping[str, str],
) -> Interval:
    """Questions are random, and trainings too where there are several of them."""
    level = 1 - record.alpha
    shared = [example for example in by_example if all(example in row for row in seeds)]
    if len(seeds) > 1 and len(shared) > 1:
        rows = [[row[example] for example in shared] for row in seeds]
        return mean_over_seeds(rows, [clusters[example] for example in shared], level=level).mean
    labels = [clusters[example] for example in by_example]
    return mean_interval(list(by_example.values()), labels, level=level, resamples=record.resamples)


def _mean_tokens(answers: Sequence[Answer]) -> tuple[float, float]:
    good = [answer for answer in answers if answer.error is None]
    if not good:
        return 0.0, 0.0
    return (
        sum(answer.prompt_tokens for answer in good) / len(good),
        sum(answer.completion_tokens for answer in good) / len(good),
    )


def _deviation(seeds: Sequence[Mapping[str, float]]) -> float:
    means = [sum(row.values()) / len(row) for row in seeds]
    centre = sum(means) / len(means)
    return math.sqrt(sum((value - centre) ** 2 for value in means) / max(1, len(means) - 1))
