"""The model as it is, asked without any document: what every other strategy has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.types import Example, Traits


@register("strategy", "base")
@dataclass(frozen=True)
class Base:
    """The untrained model with the prompt alone; `enforces` lets the engine force the form."""

    enforces: bool = True
    traits: ClassVar[Traits] = Traits()

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline without retrieval."""
        return assemble(components, components.generator(), enforces=self.enforces)
