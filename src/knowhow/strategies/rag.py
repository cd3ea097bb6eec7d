"""Retrieval-augmented generation: the untrained model reads what the retriever finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.types import Example, Traits


@register("strategy", "rag")
@dataclass(frozen=True)
class Rag:
    """The untrained model with the `k` best passages (0: as in [retrieval]); `enforces` lets the engine force the form."""

    k: int = 0
    enforces: bool = True
    traits: ClassVar[Traits] = Traits(retrieves=True, cites=True, is_live=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline over the workspace's retriever."""
        generator, retriever = components.generator(), components.retriever()
        return assemble(components, generator, retriever, k=self.k, enforces=self.enforces)
