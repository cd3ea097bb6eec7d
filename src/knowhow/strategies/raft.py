"""RAFT: the adapter learns to pick the gold evidence out of hard negatives, and to say so when it is not there.

After Zhang et al. 2024, "RAFT: Adapting Language Model to Domain Specific RAG"; negatives are retrieved rather than drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.strategies.audience import restrict
from knowhow.training.conversations import RaftOptions, build_raft
from knowhow.training.fitting import ADAPTER, fit_adapter, training_style
from knowhow.training.rows import TrainingRow
from knowhow.types import Example, Traits


@register("strategy", "raft")
@dataclass(frozen=True)
class Raft:
    """Learns from rows with gold among negatives (share `p`) and rows without gold; `k` 0 shows as many as answering does.

    `refusals` limits unanswerable examples to that share of the answerable ones.

    `quotes` trains quote-then-answer: better grounded, but every answer then costs the quote's tokens as well.
    """

    p: float = 0.95
    k: int = 0
    refusals: float = 0.1
    quotes: bool = False
    shuffles: bool = False
    enforces: bool = True
    seed: int = 0
    traits: ClassVar[Traits] = Traits(retrieves=True, learns=True, cites=True, is_live=True)

    def rows(self, examples: Sequence[Example], components: Components) -> list[TrainingRow]:
        """Return what `fit` trains on."""
        options = RaftOptions(self.p, self.k or components.answering.k, self.refusals, self.shuffles)
        style = training_style(components, quotes=self.quotes)
        return build_raft(examples, components.retriever(), components.chunks(), style, options, self.seed)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Write rows.jsonl and adapter/ to `out`."""
        fit_adapter("raft", self.rows(examples, components), components, out, self.seed)

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Answer with the adapter from what the retriever finds."""
        generator, retriever = components.generator(fitted / ADAPTER), components.retriever()
        learned = assemble(components, generator, retriever, quotes=self.quotes, enforces=self.enforces)
        return restrict(
            fitted,
            learned,
            lambda: assemble(components, components.generator(), retriever, enforces=self.enforces),
        )
