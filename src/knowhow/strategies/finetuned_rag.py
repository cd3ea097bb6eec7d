"""RAG with a fine-tuned reader: the adapter learns to answer from evidence exactly as retrieval will hand it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.strategies.audience import restrict
from knowhow.training.conversations import build_grounded
from knowhow.training.fitting import ADAPTER, fit_adapter, training_style
from knowhow.training.rows import TrainingRow
from knowhow.types import Example, Traits


@register("strategy", "finetuned_rag")
@dataclass(frozen=True)
class FinetunedRag:
    """Learns question + retrieved evidence -> answer; `missing` says what becomes of rows whose known evidence was not found.

    Keeping the answer there ("answer") teaches to answer without evidence, so such rows are dropped unless told otherwise.
    """

    missing: Literal["drop", "not_found", "answer"] = "drop"
    enforces: bool = True
    seed: int = 0
    traits: ClassVar[Traits] = Traits(retrieves=True, learns=True, cites=True, is_live=True)

    def rows(self, examples: Sequence[Example], components: Components) -> list[TrainingRow]:
        """Return what `fit` trains on."""
        return build_grounded(
            examples,
            components.retriever(),
            components.chunks(),
            training_style(components),
            k=components.answering.k,
            missing=self.missing,
        )

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Write rows.jsonl and adapter/ to `out`."""
        fit_adapter("finetuned_rag", self.rows(examples, components), components, out, self.seed)

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Answer with the adapter from what the retriever finds."""
        retriever = components.retriever()
        generator = components.generator(fitted / ADAPTER)
        learned = assemble(components, generator, retriever, enforces=self.enforces)
        return restrict(
            fitted,
            learned,
            lambda: assemble(components, components.generator(), retriever, enforces=self.enforces),
        )
