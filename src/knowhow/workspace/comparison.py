"""A comparison of this workspace: which arms, on which questions, scored by what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowhow import registry
from knowhow.config import Settings, SourceSettings, describe_settings, read_format
from knowhow.errors import NotFoundError
from knowhow.evaluation.arms import Arm, ExperimentPlan, parse_goal, parse_prices
from knowhow.evaluation.environment import describe_environment
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.judging import JUDGED
from knowhow.evaluation.metrics.content import read_structure
from knowhow.evaluation.metrics.information import accepted_options, build_metric
from knowhow.protocols import Metric, RoutingStrategy
from knowhow.storage import digest_json
from knowhow.training.options import SEEDS
from knowhow.types import Example, Traits
from knowhow.workspace.components import WorkspaceComponents
from knowhow.workspace.gates import overruled_gates, training_options
from knowhow.workspace.gold import gold_retriever
from knowhow.workspace.options import build_strategy, strategy_options
from knowhow.workspace.personal_data import mask_examples
from knowhow.workspace.screening import prepare_examples

UNTRAINED = ("base", "few_shot", "long_context", "rag", "oracle")
TRAINED = ("finetuned", "finetuned_rag", "raft")
_TRAINING_SHARE = 0.5
"""Share of a budget that training may take; the rest is for questions, without which no training can be judged."""
_RESAMPLES: Mapping[str, int] = {"quick": 2000, "standard": 5000, "thorough": 10000}
_WITHOUT_DOCUMENTS = frozenset({"long_context", "rag", "oracle", "finetuned_rag", "raft", "tuned_retriever"})


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What a caller may override of [compare]; empty values mean: as configured."""

    strategies: tuple[str, ...] = ()
    metric: str = ""
    budget_seconds: float | None = None
    limit: int = 0
    metrics: tuple[str, ...] = ()


def plan_comparison(
    settings: Settings, options: ComparisonOptions
) -> tuple[ExperimentPlan, WorkspaceComponents]:
    """Return the plan with the components it runs on; the caller closes them. NotFoundError without examples."""
    path = settings.root / settings.examples.path
    if not path.exists():
        raise NotFoundError(
            f"There are no examples at {path}. Write questions with answers there, or correct [examples] path."
        )
    plain = WorkspaceComponents(settings)
    has_documents = plain.index_path.exists() and bool(plain.index.records())
    chunks = list(plain.index.chunks()) if has_documents else []
    records = plain.index.records() if has_documents else []
    examples = prepare_examples(settings.root, mask_examples(settings, read_examples(path).examples), records)
    names = _names(settings, options, has_documents)
    settings = _limit_training(settings, names, options.budget_seconds)
    components = WorkspaceComponents(settings, gold=gold_retriever(examples, chunks))
    metric = options.metric or settings.compare.metric or _decisive(examples)
    overruled_gates(settings)
    plan = ExperimentPlan(
        examples=examples,
        arms=_arms(settings, components, names),
        components=components,
        metrics=build_metrics(settings, [*registry.names("metric"), *options.metrics, metric]),
        decisive=metric,
        runs=settings.state / "runs",
        cache=settings.state / "cache",
        index_version=components.index.version if has_documents else "",
        has_documents=has_documents,
        held_out=settings.examples.held_out,
        limit=options.limit or settings.compare.limit,
        budget_seconds=options.budget_seconds,
        alpha=settings.compare.alpha,
        margin=settings.compare.margin,
        resamples=settings.compare.resamples or _RESAMPLES[settings.effort],
        goal=parse_goal(settings.goal),
        prices=parse_prices(settings.costs),
        settings=describe_settings(settings),
        environment=_environment(components),
        find_documents=lambda: {document.id: document.text for document in _all_documents(components)},
    )
    plain.close()
    return plan, components


def _environment(components: WorkspaceComponents) -> dict[str, str]:
    parts = {"generator": components.generator().identity, "embedder": components.embedder().identity}
    return {**describe_environment(), **parts}


def _all_documents(components: WorkspaceComponents) -> list[Any]:
    return [components.index.document(record.id) for record in components.index.records()]


def _decisive(examples: Sequence[Example]) -> str:
    """F1 of words decides where answers are prose; F1 of fields where every answer is one JSON object or list."""
    references = [reference for example in examples for reference in example.references]
    is_structured = bool(references) and all(read_structure(text) is not None for text in references)
    return "field_f1" if is_structured else "token_f1"


def _names(settings: Settings, options: ComparisonOptions, has_documents: bool) -> tuple[str, ...]:
    chosen = options.strategies or settings.compare.strategies
    if chosen:
        known = registry.names("strategy")
        for name in chosen:
            if name not in known:
                raise NotFoundError.unknown("strategy", name, known)
        return tuple(dict.fromkeys(chosen))
    routing = ("routed",) if settings.router else ()
    usable = [name for name in (*UNTRAINED, *TRAINED, *routing) if name in registry.names("strategy")]
    return tuple(name for name in usable if has_documents or name not in _WITHOUT_DOCUMENTS)


def _limit_training(settings: Settings, names: Sequence[str], budget_seconds: float | None) -> Settings:
    """Give training its share of a budget, evenly over the adapters, so that time is left for asking questions."""
    adapters = SEEDS[settings.effort] * len([name for name in names if name in TRAINED])
    if not budget_seconds or not adapters or "max_seconds" in settings.training:
        return settings
    seconds = max(1, round(_TRAINING_SHARE * budget_seconds / adapters))
    return replace(settings, training={**settings.training, "max_seconds": seconds})


def _arms(settings: Settings, components: WorkspaceComponents, names: Sequence[str]) -> tuple[Arm, ...]:
    shared = [
        describe_settings(settings)[part]
        for part in ("prompt", "format", "retrieval", "chunking", "language")
    ] + [components.generator().identity, components.embedder().identity]
    if settings.sources != SourceSettings():
        # The default screens only what no ordinary passage holds, so that kept answers and adapters stay valid.
        shared.append(describe_settings(settings)["sources"])
    arms = []
    for name in names:
        options = strategy_options(settings, name)
        strategy = build_strategy(settings, name)
        traits: Traits = strategy.traits
        learned = [training_options(settings), settings.effort] if traits.learns else []
        # Routing itself draws nothing by chance: its seeds are those of the strategies it chooses.
        is_seeded = traits.learns and not isinstance(strategy, RoutingStrategy)
        for seed in range(SEEDS[settings.effort] if is_seeded else 1):
            seeded = strategy if seed == 0 else build_strategy(settings, name, seed=seed)
            arms.append(
                Arm(name, seeded, digest_json([name, options, shared, learned]), traits, options, seed)
            )
    return tuple(arms)


def build_metrics(settings: Settings, names: Iterable[str]) -> dict[str, Metric]:
    """Return the named metrics with the workspace's form and number of passages, whoever asks for scores.

    The judge's metric is left out: it takes more than settings (see workspace/judging.py).
    """
    form = read_format(settings)
    # Content is judged in the last section: what stands before it is the house's form, scored apart.
    shared = {"form": form, "sections": form.sections, "k": settings.retrieval.k}
    return {
        name: build_metric(name, accepted_options(name, shared))
        for name in dict.fromkeys(names)
        if name != JUDGED
    }
