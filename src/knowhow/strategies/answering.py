"""The pipelines that strategies load: one style and one set of sizes per workspace, so that arms differ in one thing only."""

from __future__ import annotations

from knowhow.generation.pipeline import AnswerPipeline, ShotChooser
from knowhow.generation.prompts import PromptStyle, make_style
from knowhow.protocols import Components, Generator, Retriever


def grounded_style(components: Components, *, quotes: bool = False) -> PromptStyle:
    """Return how questions with passages are put."""
    answering = components.answering
    return make_style(answering, components.format, answering.language, quotes=quotes)


def closed_style(components: Components) -> PromptStyle:
    """Return how questions without passages are put."""
    answering = components.answering
    return make_style(answering, components.format, answering.language, is_grounded=False)


def grounded_pipeline(
    components: Components,
    generator: Generator,
    retriever: Retriever,
    *,
    k: int = 0,
    quotes: bool = False,
    enforces: bool = True,
) -> AnswerPipeline:
    """Return a pipeline that answers from what `retriever` finds; `k` 0 takes the configured number of passages.

    `enforces` lets the engine force the form while it generates, where it can; the check afterwards is always made.
    """
    answering = components.answering
    return AnswerPipeline(
        generator=generator,
        style=grounded_style(components, quotes=quotes),
        retriever=retriever,
        k=k or answering.k,
        threshold=answering.threshold,
        max_tokens=answering.max_tokens,
        on_violation="flag" if answering.delivers_invalid else "refuse",
        enforces=enforces,
        index_version=lambda: components.index_version,
    )


def closed_pipeline(
    components: Components, generator: Generator, *, shots: ShotChooser | None = None, enforces: bool = True
) -> AnswerPipeline:
    """Return a pipeline that answers without passages, after the example turns that `shots` chooses."""
    answering = components.answering
    return AnswerPipeline(
        generator=generator,
        style=closed_style(components),
        max_tokens=answering.max_tokens,
        shots=shots,
        on_violation="flag" if answering.delivers_invalid else "refuse",
        enforces=enforces,
    )
