"""What an experiment compares: arms, the goal they must meet, and prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow.errors import ConfigError
from knowhow.evaluation.judge_record import JudgeRecord
from knowhow.protocols import Components, Metric, Strategy
from knowhow.registry import check_options
from knowhow.types import Example, Gate, Traits


@dataclass(frozen=True, slots=True)
class Arm:
    """One strategy as it will be measured; `digest` covers its options, prompt, format and generator, but not what it learns."""

    name: str
    strategy: Strategy
    digest: str
    traits: Traits = field(default_factory=Traits)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seed: int = 0

    @property
    def key(self) -> str:
        """Name of the arm among the arms of one experiment: the strategy, with its seed where that is not 0."""
        return self.name if self.seed == 0 else f"{self.name}#{self.seed}"


@dataclass(frozen=True, slots=True)
class Goal:
    """[goal]: limits a strategy must keep to be recommended, and the load it will carry; None or False sets no limit."""

    citations: bool = False
    freshness: bool = False
    permissions: bool = False
    on_premise: bool = False
    max_latency_ms: float | None = None
    max_cost_per_1000: float | None = None
    min_quality: float | None = None
    questions_per_month: float = 10_000.0
    updates_per_month: float = 1.0


@dataclass(frozen=True, slots=True)
class Prices:
    """[costs]: what answering costs; without token prices the machine's time is counted, in seconds or at `machine_per_hour`."""

    currency: str = ""
    prompt_per_million: float = 0.0
    completion_per_million: float = 0.0
    machine_per_hour: float = 0.0
    is_remote: bool = False


@dataclass(frozen=True)
class ExperimentPlan:
    """Everything `run_experiment` needs; the workspace builds it."""

    examples: tuple[Example, ...]
    arms: tuple[Arm, ...]
    components: Components
    metrics: Mapping[str, Metric]
    decisive: str
    runs: Path
    cache: Path
    index_version: str = ""
    has_documents: bool = True
    held_out: float = 0.4
    limit: int = 0
    budget_seconds: float | None = None
    alpha: float = 0.05
    margin: float = 0.0
    resamples: int = 2000
    shard: int = 8
    latency_calls: int = 20
    stops_early: bool = True
    goal: Goal = field(default_factory=Goal)
    prices: Prices = field(default_factory=Prices)
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    find_documents: Callable[[], Mapping[str, str]] | None = None
    judge: JudgeRecord | None = None
    measure_gates: Callable[[Any], Mapping[str, tuple[Gate, ...]]] | None = None
    """Checks what was trained, given the RunRecord, once all answers are there and before the run is written."""


def parse_goal(values: Mapping[str, Any]) -> Goal:
    """Turn [goal] into a Goal; unknown keys are left to the advisor, wrong types are a ConfigError."""
    known = {key: value for key, value in values.items() if key in Goal.__dataclass_fields__}
    return Goal(**check_options(Goal, known, "[goal]"))


def parse_prices(values: Mapping[str, Any]) -> Prices:
    """Turn [costs] into Prices; unknown keys are left to the advisor, a negative price is a ConfigError."""
    known = {key: value for key, value in values.items() if key in Prices.__dataclass_fields__}
    for key, value in known.items():
        if isinstance(value, (int, float)) and value < 0:
            raise ConfigError(f"[costs] {key} must not be negative, but is {value}.")
    return Prices(**check_options(Prices, known, "[costs]"))
