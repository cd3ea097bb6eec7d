"""Before and after training: the same held-out questions answered without and with what was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.splits import split_examples
from knowhow.progress import progress
from knowhow.storage import digest
from knowhow.types import Answer, Example, Query
from knowhow.workspace.comparison import build_metrics
from knowhow.workspace.personal_data import mask_examples

if TYPE_CHECKING:
    from knowhow.workspace import Workspace

QUESTIONS = 10
UNTRAINED: Mapping[str, str] = {
    "finetuned": "base",
    "finetuned_rag": "rag",
    "raft": "rag",
    "tuned_retriever": "rag",
}
"""What each trained strategy was before it learned."""
METRIC = "token_f1"


def rehearse(workspace: Workspace, strategy: str, count: int = QUESTIONS) -> dict[str, Any]:
    """Return `before`, `after` (names) and `questions`: each with its references, groups, both answers and their scores.

    The questions are held out, never trained on, and drawn by digest, so that the next rehearsal asks the same ones.
    """
    settings = workspace.settings
    examples = mask_examples(settings, read_examples(settings.root / settings.examples.path).examples)
    held_out = set(split_examples(examples, settings.examples.held_out).held_out)
    chosen = sorted((item for item in examples if item.id in held_out), key=lambda item: digest(item.id))[
        :count
    ]
    names = (UNTRAINED.get(strategy, "base"), strategy)
    answers: list[list[Answer]] = []
    with progress("Asking before and after", 2 * len(chosen), "answers") as bar:
        for name in names:
            pipeline = workspace.pipeline(name)
            answers.append([])
            for example in chosen:
                answers[-1] += pipeline.answer([Query(example.question, example.groups)])
                bar.advance(note=name)
    return {
        "before": names[0],
        "after": names[1],
        "metric": METRIC,
        "questions": _rows(workspace, chosen, answers),
    }


def _rows(
    workspace: Workspace, examples: Sequence[Example], answers: Sequence[Sequence[Answer]]
) -> list[dict[str, Any]]:
    metric = build_metrics(workspace.settings, [METRIC])[METRIC]
    return [
        {
            "question": example.question,
            "references": list(example.references),
            "groups": sorted(example.groups),
            "answers": [answer.text for answer in pair],
            "scores": [metric(example, answer) for answer in pair],
        }
        for example, *pair in zip(examples, *answers, strict=True)
    ]
