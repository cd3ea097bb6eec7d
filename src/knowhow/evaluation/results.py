"""What a comparison found: frozen results that the terminal, JSON, Markdown and HTML reports are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowhow.evaluation.expectations import Prior
from knowhow.evaluation.runs import RunRecord
from knowhow.types import Comparison, Gate, Interval, Recommendation, Score, Traits


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one strategy: the mean over the questions it applies to, with its interval."""

    metric: str
    kind: str
    unit: str
    higher_is_better: bool
    interval: Interval
    questions: int


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Single calls in milliseconds; with fewer than 100 calls `p99` is the slowest seen and `is_p99_maximum` says so."""

    calls: int
    mean: float
    p50: float
    p99: float
    is_p99_maximum: bool


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """One strategy as measured, seeds taken together; `skipped` says why it was not, `lost_to` against whom it was given up.

    `cost_per_1000` is in the currency of [costs], or in machine seconds where there are no prices; `fit_cost` likewise.
    """

    name: str
    traits: Traits
    answered: int = 0
    failed: int = 0
    skipped: str = ""
    lost_to: str = ""
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict, hash=False)
    latency: LatencySummary | None = None
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    seconds_per_answer: float = 0.0
    cost_per_1000: float = 0.0
    fit_seconds: float = 0.0
    fit_cost: float = 0.0
    seeds: int = 1
    seed_deviation: float | None = None

    @property
    def is_measured(self) -> bool:
        """Say whether there are answers."""
        return not self.skipped and self.answered > 0


@dataclass(frozen=True, slots=True)
class Gap:
    """One step of the diagnosis ladder: how much of the score is missing there, with ids of examples that show it."""

    kind: str
    size: float
    interval: Interval | None
    sentence: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where the score is lost; `predicted` is recall * gold + (1 - recall) * miss, beside the `measured` score of retrieval."""

    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    recall: float | None = None
    score_gold: float | None = None
    score_miss: float | None = None
    predicted: float | None = None
    measured: float | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class IntentRouting:
    """One intent as it was recognised (empty: unknown): where the kept router sends it, and the means on its questions."""

    intent: str
    questions: int
    strategy: str
    routed: float
    single: float
    best: str
    best_value: float


@dataclass(frozen=True, slots=True)
class RoutingSummary:
    """What routing gains: against the best single strategy, and against the oracle that knows the best answer of each question.

    `difference` is routed minus single, better upwards. `accuracy` is over questions whose intent is known, `moved` the share of
    questions that the kept router sends elsewhere than the folds did.
    """

    candidates: tuple[str, ...]
    folds: int
    single: str
    routed_value: float
    single_value: float
    oracle_value: float
    difference: Interval | None
    accuracy: float | None
    unknown: float
    moved: float
    intents: tuple[IntentRouting, ...]
    pays: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole comparison; `comparisons` are on the decisive metric, Holm-adjusted over the pairs of finished strategies.

    `prior` is the advice given before, where there was one.
    """

    id: str
    decisive: str
    strategies: tuple[StrategyResult, ...]
    comparisons: tuple[Comparison, ...]
    diagnosis: Diagnosis
    recommendation: Recommendation
    scores: tuple[Score, ...]
    questions: int
    clusters: int
    detectable_before: float
    detectable: float | None
    cost_unit: str
    limits: tuple[str, ...]
    record: RunRecord
    gates: Mapping[str, tuple[Gate, ...]] = field(default_factory=dict, hash=False)
    prior: Prior | None = None
    routing: RoutingSummary | None = None

    def strategy(self, name: str) -> StrategyResult:
        """Return the result of a strategy by name."""
        return next(result for result in self.strategies if result.name == name)

    def quality(self, name: str) -> Interval | None:
        """Return a strategy's mean on the decisive metric, None where it was not measured."""
        found = self.strategy(name).metrics.get(self.decisive)
        return found.interval if found else None
