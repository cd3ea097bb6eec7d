"""Fine-tuning alone: a LoRA adapter on questions and answers and on the documents' own text, no retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.strategies.audience import restrict
from knowhow.training.conversations import build_sft
from knowhow.training.fitting import ADAPTER, fit_adapter, training_style
from knowhow.training.parity import build_parity_text
from knowhow.training.rows import TrainingRow
from knowhow.types import Example, Traits


@register("strategy", "finetuned")
@dataclass(frozen=True)
class Finetuned:
    """Learns question -> answer; `parity_tokens` of document text join in, because it may see every text that RAG may see."""

    parity_tokens: int = 20_000
    enforces: bool = True
    seed: int = 0
    traits: ClassVar[Traits] = Traits(learns=True)

    def rows(self, examples: Sequence[Example], components: Components) -> list[TrainingRow]:
        """Return what `fit` trains on."""
        rows = build_sft(examples, training_style(components, is_grounded=False))
        if self.parity_tokens:
            count = components.generator().count_tokens
            rows += build_parity_text(components.chunks(), count, self.parity_tokens, self.seed)
        return rows

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Write rows.jsonl and adapter/ to `out`."""
        fit_adapter("finetuned", self.rows(examples, components), components, out, self.seed)

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Answer with the adapter alone."""
        learned = assemble(components, components.generator(fitted / ADAPTER), enforces=self.enforces)
        return restrict(
            fitted,
            learned,
            lambda: assemble(components, components.generator(), enforces=self.enforces),
        )
