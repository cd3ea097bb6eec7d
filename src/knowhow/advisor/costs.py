"""What each strategy would cost: per 1,000 queries, up front, per month and cumulated, always as low, likely and high.

All low values together and all high values together are outer bounds, not a forecast; the likely value is the one to argue about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowhow.advisor.answers import Answers, Goal, Sensitivity, Tri
from knowhow.advisor.assumptions import FACT_RETRAININGS, LEVELS, Assumptions, default_assumptions
from knowhow.advisor.traits import PROMPT_TOKENS

STRATEGIES = ("few_shot", "rag", "finetuned", "finetuned_rag")
DEFAULT_QUERIES_PER_DAY = 1_000
DEFAULT_CORPUS_TOKENS = 1_000_000
DAYS_PER_MONTH = 30.4
HOURS_PER_MONTH = 730
HORIZON_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Range:
    """An amount at the low, likely and high end."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class StrategyCost:
    """One strategy's costs: running them for 1,000 queries, setting up, and a month at the asked volume with all care."""

    strategy: str
    per_thousand: Range
    upfront: Range
    monthly: Range


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the cumulated costs of two strategies cross: `month` is None when they don't within the horizon.

    `queries_per_month` is the volume from which `dearer_start` is the cheaper one over the horizon, None when no volume makes it so.
    """

    dearer_start: str
    cheaper_start: str
    month: float | None
    queries_per_month: float | None


@dataclass(frozen=True, slots=True)
class ValueFlip:
    """The value of one more correct answer from which the better but dearer strategy pays; None when it costs no more anyway."""

    better: str
    cheaper: str
    gain_points: float
    value: float | None


@dataclass(frozen=True, slots=True)
class CostReport:
    """Costs of the case with the constants they came from."""

    assumptions: Assumptions
    queries_per_day: int
    corpus_tokens: int
    is_volume_assumed: bool
    is_corpus_assumed: bool
    strategies: tuple[StrategyCost, ...]
    curve: Mapping[str, tuple[float, ...]]
    crossings: tuple[Crossing, ...]


def estimate_costs(answers: Answers, assumptions: Assumptions | None = None) -> CostReport:
    """Return the cost report of a case; unknown volume and corpus size take stated defaults."""
    model = CostModel(answers, assumptions or default_assumptions())
    names = list(STRATEGIES)
    if answers.corpus_tokens and answers.corpus_tokens <= PROMPT_TOKENS:
        names.insert(1, "long_context")
    costs = tuple(model.cost(name) for name in names)
    curve = {
        item.strategy: tuple(
            item.upfront.likely + month * item.monthly.likely for month in range(HORIZON_MONTHS + 1)
        )
        for item in costs
    }
    pairs = [(one, other) for index, one in enumerate(names) for other in names[index + 1 :]]
    return CostReport(
        model.assumptions,
        model.queries_per_day,
        model.corpus_tokens,
        answers.volume is None,
        answers.corpus_tokens is None and answers.goal is not Goal.BEHAVIOUR,
        costs,
        curve,
        tuple(model.find_crossing(one, other) for one, other in pairs),
    )


def break_even_queries(upfront: float, saving_per_query: float) -> float | None:
    """Return how many queries pay back `upfront`; None without a saving."""
    return upfront / saving_per_query if saving_per_query > 0 else None


def find_value_flip(report: CostReport, better: str, cheaper: str, gain_points: float) -> ValueFlip:
    """Return from which value per correct answer `better` pays although it costs more, over the horizon at the case's volume."""
    costs = {item.strategy: item for item in report.strategies}
    queries = report.queries_per_day * DAYS_PER_MONTH

    def per_query(name: str) -> float:
        return (costs[name].upfront.likely / HORIZON_MONTHS + costs[name].monthly.likely) / queries

    extra = per_query(better) - per_query(cheaper)
    if extra <= 0 or gain_points <= 0:
        return ValueFlip(better, cheaper, gain_points, None)
    return ValueFlip(better, cheaper, gain_points, extra / (gain_points / 100))


class CostModel:
    """The arithmetic, one small method per cost; every amount is in the assumptions' currency."""

    def __init__(self, answers: Answers, assumptions: Assumptions) -> None:
        is_own_machine = answers.offline is Tri.YES or Sensitivity.ON_PREMISE in answers.sensitivity
        if is_own_machine and assumptions.billing == "tokens":
            assumptions = Assumptions(assumptions.items, assumptions.currency, "machine")
        self.assumptions = assumptions
        self.answers = answers
        self.queries_per_day = max(1, answers.volume or DEFAULT_QUERIES_PER_DAY)
        assumed = 0 if answers.goal is Goal.BEHAVIOUR else DEFAULT_CORPUS_TOKENS
        self.corpus_tokens = assumed if answers.corpus_tokens is None else answers.corpus_tokens

    def cost(self, strategy: str) -> StrategyCost:
        """Return the three figures of one strategy at all levels."""
        queries = self.queries_per_day * DAYS_PER_MONTH
        return StrategyCost(
            strategy,
            Range(*(1000 * self.query(strategy, level) for level in LEVELS)),
            Range(*(self.upfront(strategy, level) for level in LEVELS)),
            Range(*(self.monthly(strategy, level, queries) for level in LEVELS)),
        )

    def input_tokens(self, strategy: str, level: str) -> float:
        """Return the prompt length of one query."""
        value = self.assumptions.get
        is_tuned = strategy in ("finetuned", "finetuned_rag")
        tokens = value("question_tokens", level)
        tokens += value("tuned_instruction_tokens" if is_tuned else "instruction_tokens", level)
        if strategy == "few_shot":
            tokens += value("few_shot_tokens", level)
        if strategy == "long_context":
            tokens += self.corpus_tokens
        if strategy in ("rag", "finetuned_rag"):
            tokens += value("retrieved_tokens", level)
        return tokens

    def query(self, strategy: str, level: str) -> float:
        """Return the running cost of one query: prompt, answer and search."""
        value = self.assumptions.get
        prompt, answer = self.input_tokens(strategy, level), value("answer_tokens", level)
        if self.assumptions.billing == "machine":
            seconds = prompt / value("prefill_rate", level) + answer / value("decode_rate", level)
            cost = seconds / 3600 * value("machine_per_hour", level) / value("utilisation", level)
        else:
            cost = (
                prompt * value("prompt_per_million", level) + answer * value("completion_per_million", level)
            ) / 1e6
            if strategy in ("finetuned", "finetuned_rag"):
                cost *= value("tuned_price_factor", level)
        if strategy in ("rag", "finetuned_rag"):
            cost += value("question_tokens", level) * value("embedding_price", level) / 1e6
            cost += value("search_price", level) / 1000
        return cost

    def training(self, level: str) -> float:
        """Return the machine cost of one complete training, failed runs included."""
        value = self.assumptions.get
        examples = max(self.answers.examples or 0, value("needed_examples", level))
        hours = value("training_hours", level) * examples / 1000 * value("training_runs", level)
        return hours * value("machine_per_hour", level)

    def labels(self, level: str) -> float:
        """Return the cost of the examples that are still missing."""
        value = self.assumptions.get
        missing = max(0.0, value("needed_examples", level) - (self.answers.examples or 0))
        return missing * value("label_price", level)

    def upfront(self, strategy: str, level: str) -> float:
        """Return what must be spent before the first query."""
        value = self.assumptions.get
        work = value("prompt_work", level)
        cost = 0.0
        if strategy in ("rag", "finetuned_rag"):
            work += value("retrieval_work", level)
            cost += self.corpus_tokens * value("embedding_price", level) / 1e6
        if strategy in ("finetuned", "finetuned_rag"):
            work += value("training_work", level)
            cost += self.labels(level) + self.training(level)
        return cost + work * value("work_hour", level)

    def monthly(self, strategy: str, level: str, queries: float) -> float:
        """Return one month: queries, index, hosting, retraining and care."""
        value = self.assumptions.get
        running = queries * self.query(strategy, level)
        if self.assumptions.billing == "machine":
            running = max(running, HOURS_PER_MONTH * value("machine_per_hour", level))
        return running + self.standing(strategy, level)

    def standing(self, strategy: str, level: str) -> float:
        """Return the part of a month that doesn't depend on the number of queries."""
        value = self.assumptions.get
        care = value("prompt_care", level)
        cost = 0.0
        if strategy in ("rag", "finetuned_rag"):
            care += value("retrieval_care", level)
            passages = self.corpus_tokens / value("chunk_tokens", level)
            cost += value("index_monthly", level)
            cost += passages * value("chunk_kilobytes", level) / 1e6 * value("storage_price", level)
            refreshes = FACT_RETRAININGS[self.answers.changes]
            cost += min(1.0, refreshes) * self.corpus_tokens * value("embedding_price", level) / 1e6
        if strategy in ("finetuned", "finetuned_rag"):
            care += value("training_care", level)
            retrainings = value("behaviour_retrainings", level)
            if strategy == "finetuned" and self.answers.goal is not Goal.BEHAVIOUR:
                retrainings += FACT_RETRAININGS[self.answers.changes]
            hours = 0.25 * value("training_work", level)
            cost += retrainings * (self.training(level) + hours * value("work_hour", level))
            cost += value("tuned_monthly", level)
        return cost + care * value("work_hour", level)

    def find_crossing(self, one: str, other: str) -> Crossing:
        """Return where two strategies' cumulated likely costs cross, by month and by volume."""
        level = "likely"
        if self.upfront(one, level) < self.upfront(other, level):
            one, other = other, one
        queries = self.queries_per_day * DAYS_PER_MONTH
        extra = self.upfront(one, level) - self.upfront(other, level)
        saving = self.monthly(other, level, queries) - self.monthly(one, level, queries)
        month = extra / saving if saving > 0 and extra / saving <= HORIZON_MONTHS else None
        per_query = self.query(other, level) - self.query(one, level)
        fixed = extra / HORIZON_MONTHS + self.standing(one, level) - self.standing(other, level)
        volume = max(0.0, fixed) / per_query if per_query > 0 else None
        return Crossing(one, other, month, volume)
