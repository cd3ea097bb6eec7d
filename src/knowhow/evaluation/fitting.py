"""Fitting the arms of an experiment: once per arm, seed, training rows and index, kept in the cache."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow.evaluation.answers import example_to_json
from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.evaluation.splits import split_examples
from knowhow.protocols import Components
from knowhow.storage import digest_json, read_json, write_json
from knowhow.types import Example


@dataclass(frozen=True, slots=True)
class Fit:
    """The folder that `load` reads and the seconds that `fit` took, whenever that was."""

    folder: Path
    seconds: float


def fit_arm(plan: ExperimentPlan, arm: Arm, train: Sequence[Example], components: Components) -> Fit:
    """Fit an arm on the training rows unless that was finished before; a fit that was interrupted goes on."""
    learned_from = [plan.index_version, [example_to_json(example) for example in train]]
    folder = plan.cache / "fitted" / digest_json([arm.digest, arm.seed, learned_from])[:32]
    # The marker stands beside the folder, because a strategy's folder holds what `load` reads and nothing else.
    marker = folder.with_name(f"{folder.name}.done.json")
    if marker.is_file():
        return Fit(folder, float(read_json(marker)["seconds"]))
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    arm.strategy.fit(train, components, folder)
    seconds = time.perf_counter() - started
    write_json(marker, {"seconds": seconds})
    return Fit(folder, seconds)


def fit_arms(plan: ExperimentPlan) -> dict[str, Path]:
    """Fit every arm of a plan on its training rows and ask nothing; return the folders by arm."""
    chosen = set(split_examples(plan.examples, plan.held_out).train)
    train = [example for example in plan.examples if example.id in chosen]
    return {arm.key: fit_arm(plan, arm, train, plan.components).folder for arm in plan.arms}
