"""The untrained model with the gold evidence: tells a retrieval gap from a reading gap, and is never released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.types import Example, Traits


@register("strategy", "oracle")
@dataclass(frozen=True)
class Oracle:
    """The untrained model with the passages that an example names as evidence; diagnostic only."""

    k: int = 0
    enforces: bool = True
    traits: ClassVar[Traits] = Traits(retrieves=True, cites=True, is_live=True, is_diagnostic=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline over gold evidence; PolicyError outside a comparison."""
        generator, retriever = components.generator(), components.gold_retriever()
        return assemble(components, generator, retriever, k=self.k, enforces=self.enforces)
