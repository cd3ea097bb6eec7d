"""Small experiments with known truth, shared by the tests of the runner and of what is made from a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.testing.strategies import FakeComponents, KnownPipeline, KnownStrategy
from knowhow.types import Answer, Evidence, Example, Traits

RETRIEVES = Traits(retrieves=True, cites=True, is_live=True)
PLAIN = Traits()
DIAGNOSTIC = Traits(retrieves=True, cites=True, is_live=True, is_diagnostic=True)


def make_examples(count: int, *, documents: bool = True) -> tuple[Example, ...]:
    return tuple(
        Example(
            f"e{number:04d}",
            f"What is the code of drawer {number * 7919} in the house of clerk {number}?",
            (f"code {number * 31}",),
            (Evidence(f"d{number:04d}"),) if documents else (),
        )
        for number in range(count)
    )


def make_documents(examples: Sequence[Example]) -> dict[str, str]:
    return {
        example.evidence[0].document: f"{example.question} It is {example.references[0]}."
        for example in examples
        if example.evidence
    }


def right(example: Example, answer: Answer) -> float | None:
    """1 for a reference word for word, else 0."""
    return float(answer.error is None and answer.text in example.references)


def make_arm(
    name: str, examples: Sequence[Example], accuracy: float, traits: Traits = PLAIN, **options: Any
) -> Arm:
    answers = {example.question: example.references[0] for example in examples if example.references}
    pipeline = KnownPipeline(answers, accuracy, salt=options.pop("salt", "shared"), **options)
    return Arm(
        name, KnownStrategy(pipeline, retrieves=traits.retrieves), f"digest of {name} {accuracy}", traits
    )


def make_plan(
    folder: Path, examples: Sequence[Example], arms: Sequence[Arm], **options: Any
) -> ExperimentPlan:
    texts = options.pop("texts", make_documents(examples) if examples and examples[0].evidence else {})
    defaults: dict[str, Any] = {
        "metrics": {"exact_match": right},
        "decisive": "exact_match",
        "runs": folder / "runs",
        "cache": folder / "cache",
        "index_version": "1",
        "latency_calls": 5,
        "resamples": 200,
        "has_documents": bool(texts),
        "find_documents": lambda: texts,
    }
    return ExperimentPlan(
        examples=tuple(examples),
        arms=tuple(arms),
        components=FakeComponents(texts),
        **{**defaults, **options},
    )


def pipeline_of(arm: Arm) -> KnownPipeline:
    assert isinstance(arm.strategy, KnownStrategy)
    return arm.strategy.pipeline
