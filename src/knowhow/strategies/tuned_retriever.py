"""RAG with a tuned retriever: the encoder learns which passages answer such questions, and stays only where it finds more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.storage import read_json
from knowhow.strategies.assembly import assemble
from knowhow.strategies.audience import restrict
from knowhow.training.encoder import ENCODER, OUTCOME, fit_encoder
from knowhow.types import Example, Traits


@register("strategy", "tuned_retriever")
@dataclass(frozen=True)
class TunedRetriever:
    """Learns question -> evidence pairs with mined hard negatives; the tuned encoder serves only if recall@1 improved."""

    epochs: float = 3.0
    learning_rate: float = 3e-5
    negatives: int = 2
    blend: float = 0.7
    validation: float = 0.2
    enforces: bool = True
    seed: int = 0
    traits: ClassVar[Traits] = Traits(retrieves=True, learns=True, cites=True, is_live=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Write pairs.jsonl, encoder/ and outcome.json (recall before and after on the validation slice) to `out`."""
        options = {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "negatives": self.negatives,
            "blend": self.blend,
        }
        fit_encoder(examples, components, out, options, self.validation, self.seed)

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Answer by plain RAG over the tuned encoder's index, or over the usual one where tuning did not pay."""
        is_kept = read_json(fitted / OUTCOME)["is_kept"]
        generator = components.generator()
        if not is_kept:
            return assemble(components, generator, components.retriever(), enforces=self.enforces)
        tuned = assemble(
            components, generator, components.retriever(fitted / ENCODER), enforces=self.enforces
        )
        return restrict(
            fitted,
            tuned,
            lambda: assemble(components, generator, components.retriever(), enforces=self.enforces),
        )
