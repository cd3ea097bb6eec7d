"""The untrained model with the nearest training examples as earlier turns: behaviour by imitation, no document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from knowhow.errors import DataError
from knowhow.generation.pipeline import ShotChooser
from knowhow.generation.prompts import Shot
from knowhow.protocols import Components, Embedder, Pipeline
from knowhow.registry import register
from knowhow.storage import read_json, write_json
from knowhow.strategies.assembly import assemble
from knowhow.types import Example, Query, Traits

_FILE, _ORIGIN = "shots.json", "lineage.json"


@register("strategy", "few_shot")
@dataclass(frozen=True)
class FewShot:
    """The untrained model with `shots` training examples, those whose questions are nearest to the one asked."""

    shots: int = 3
    enforces: bool = True
    traits: ClassVar[Traits] = Traits()

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Keep question and answer of the training examples; restricted ones are left out, since anyone may ask."""
        shown = [
            example
            for example in examples
            if example.references and not example.groups and not example.audiences
        ]
        rows = [[example.question, example.references[0]] for example in shown]
        if not rows:
            raise DataError(
                "No training example with an answer is left to show the model.",
                mend="Add examples with answers.",
            )
        write_json(out / _FILE, rows)
        documents = {item.document for example in shown for item in example.evidence if item.document}
        origin = {"examples": sorted(example.id for example in shown), "documents": sorted(documents)}
        write_json(out / _ORIGIN, {"strategy": "few_shot", **origin})

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline without retrieval that shows the nearest examples first."""
        shots = [Shot(question, answer) for question, answer in read_json(fitted / _FILE)]
        chooser = nearest_shots(shots, components.embedder(), self.shots)
        return assemble(components, components.generator(), shots=chooser, enforces=self.enforces)


def nearest_shots(shots: Sequence[Shot], embedder: Embedder, count: int) -> ShotChooser:
    """Return a chooser of the `count` nearest shots by cosine of the questions, the nearest last."""
    import numpy as np

    known = embedder.embed([shot.question for shot in shots])

    def choose(queries: Sequence[Query]) -> list[list[Shot]]:
        likeness = embedder.embed([query.text for query in queries]) @ known.T
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
        return [[shots[place] for place in reversed(row.tolist())] for row in order]

    return choose
