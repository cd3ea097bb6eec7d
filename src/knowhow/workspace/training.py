"""The verbs train and data show: fit one strategy ahead of a comparison, and look at what it would learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from knowhow.config import Settings
from knowhow.errors import ConfigError
from knowhow.evaluation.fitting import fit_arms
from knowhow.evaluation.splits import split_examples
from knowhow.workspace.comparison import ComparisonOptions, plan_comparison
from knowhow.workspace.fitted import remember_fitted
from knowhow.workspace.working import working

if TYPE_CHECKING:
    from knowhow.training.rows import TrainingRow


def train(settings: Settings, strategy: str) -> dict[str, Path]:
    """Fit a strategy on the training examples, once per seed of the effort; return the folder of each arm.

    A later comparison over the same data and index uses the same folders and trains nothing again.
    """
    with working(settings.state, "training"):
        plan, components = plan_comparison(settings, ComparisonOptions(strategies=(strategy,)))
        try:
            folders = fit_arms(plan)
        finally:
            components.close()
        remember_fitted(settings, {strategy: folders[strategy].name})
    return folders


def training_rows(settings: Settings, strategy: str) -> list[TrainingRow]:
    """Return the rows that `train` would learn from, without training; ConfigError for a strategy that trains no weights."""
    plan, components = plan_comparison(settings, ComparisonOptions(strategies=(strategy,)))
    try:
        build = getattr(plan.arms[0].strategy, "rows", None)
        if build is None:
            raise ConfigError(
                f"The strategy '{strategy}' trains nothing. Try raft, finetuned_rag or finetuned."
            )
        split = split_examples(plan.examples, plan.held_out)
        by_id = {example.id: example for example in plan.examples}
        rows: list[TrainingRow] = build([by_id[name] for name in split.train], components)
        return rows
    finally:
        components.close()
