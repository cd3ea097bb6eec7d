"""Putting a pipeline together the one way that all strategies share: same prompt, same form, same checks."""

from __future__ import annotations

from knowhow.defence.evidence import EvidenceGuard
from knowhow.generation.pipeline import AnswerPipeline, ShotChooser
from knowhow.generation.prompts import make_style
from knowhow.protocols import Components, Generator, Retriever


def assemble(
    components: Components,
    generator: Generator,
    retriever: Retriever | None = None,
    *,
    k: int = 0,
    quotes: bool = False,
    enforces: bool = True,
    shots: ShotChooser | None = None,
) -> AnswerPipeline:
    """Return the pipeline of a generator with or without retrieval; `k` 0 takes the configured number of passages.

    `enforces` lets the engine force the form while it generates, where it can; the check afterwards is always made.
    """
    answering = components.answering
    style = make_style(
        answering, components.format, answering.language, is_grounded=retriever is not None, quotes=quotes
    )
    return AnswerPipeline(
        generator=generator,
        style=style,
        retriever=retriever,
        k=k or answering.k,
        threshold=answering.threshold,
        max_tokens=answering.max_tokens,
        shots=shots,
        on_violation="flag" if answering.delivers_invalid else "refuse",
        enforces=enforces,
        index_version=lambda: components.index_version,
        guard=EvidenceGuard(answering.trust, answering.removes_instructions)
        if retriever is not None
        else None,
    )
