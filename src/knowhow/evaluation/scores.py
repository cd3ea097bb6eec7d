"""Scores of a run: every metric for every kept answer, and per strategy the value of each question with seeds averaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.runs import RunRecord
from knowhow.protocols import Metric
from knowhow.types import Score

Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""strategy -> metric -> example id -> value, without the questions that a metric does not apply to."""


def score_run(record: RunRecord, metrics: Mapping[str, Metric]) -> tuple[Score, ...]:
    """Score all answers of a run; nothing is generated."""
    return tuple(
        Score(name, arm.name, example.id, metric(example, record.answers[arm.key][example.id]), arm.seed)
        for arm in record.arms
        if arm.key in record.answers
        for name, metric in metrics.items()
        for example in record.examples
        if example.id in record.answers[arm.key]
    )


def tabulate(scores: Sequence[Score]) -> Table:
    """Arrange scores by strategy, metric and example, averaging over seeds."""
    found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.value is not None:
            found[score.strategy][score.metric].setdefault(score.example_id, []).append(score.value)
    return {
        strategy: {
            metric: {example: sum(values) / len(values) for example, values in by_example.items()}
            for metric, by_example in by_metric.items()
        }
        for strategy, by_metric in found.items()
    }


SeedRows = Mapping[str, Sequence[Mapping[str, float]]]
"""strategy -> one mapping of example id to value for each seed, in the order of the seeds."""


def split_seeds(scores: Sequence[Score], metric: str) -> SeedRows:
    """Arrange one metric's scores by strategy and seed, each seed by itself."""
    found: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        if score.metric == metric and score.value is not None:
            found[score.strategy][score.seed][score.example_id] = score.value
    return {strategy: [rows[seed] for seed in sorted(rows)] for strategy, rows in found.items()}


def is_better_high(metric: str) -> bool:
    """Say whether higher values of the metric are better."""
    return information(metric).higher_is_better
