"""One arm while it is measured, and how a batch of questions is put to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowhow.evaluation.answers import AnswerStore, question_digest, to_query
from knowhow.evaluation.arms import Arm
from knowhow.protocols import Pipeline
from knowhow.types import Answer, Example


@dataclass
class ArmRunner:
    """One arm while it is measured."""

    arm: Arm
    store: AnswerStore
    pipeline: Pipeline
    digest: str
    fitted: str
    fit_seconds: float
    answers: dict[str, Answer] = field(default_factory=dict)
    answer_seconds: float = 0.0
    asked: int = 0
    asked_seconds: float = 0.0
    lost_to: str = ""

    def question(self, example: Example) -> str:
        """Return the digest under which an example's answer is kept."""
        return question_digest(example, with_evidence=self.arm.traits.is_diagnostic)

    def missing(self, examples: Sequence[Example]) -> list[Example]:
        """Return the examples that still have to be asked."""
        return [example for example in examples if self.store.get(self.question(example)) is None]

    def has_answer(self, example: Example) -> bool:
        """Say whether the example was answered without failing."""
        answer = self.answers.get(example.id)
        return answer is not None and answer.error is None

    @property
    def pace(self) -> float:
        """Seconds a fresh question takes; 0 while nothing had to be asked."""
        return self.asked_seconds / self.asked if self.asked else 0.0


def answer_examples(pipeline: Pipeline, examples: Sequence[Example]) -> list[Answer]:
    """Answer a batch; when it fails, one by one, and what fails alone is a failed answer."""
    try:
        answers = pipeline.answer([to_query(example) for example in examples])
        if len(answers) == len(examples):
            return answers
        problem = f"The strategy gave {len(answers)} answers to {len(examples)} questions."
    except Exception as error:  # noqa: BLE001 - one bad example must not end an experiment
        problem = f"{type(error).__name__}: {error}"
    if len(examples) == 1:
        return [Answer("", error=problem)]
    return [answer for example in examples for answer in answer_examples(pipeline, [example])]
