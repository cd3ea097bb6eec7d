"""Who may use what a strategy learned: an adapter trained on restricted documents answers only those who may read all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from knowhow.generation.prompts import PromptStyle
from knowhow.protocols import Pipeline, TextSink
from knowhow.storage import read_json
from knowhow.training.adapters import MANIFEST
from knowhow.training.encoder import OUTCOME
from knowhow.training.fitting import ADAPTER
from knowhow.training.rows import is_permitted
from knowhow.types import Answer, Query

NOT_PERMITTED = (
    "What was learned rests on documents that this asker may not read, so the untrained model answered."
)


@dataclass(frozen=True)
class AudiencePipeline:
    """Answers with what was learned for those who hold a group of each of `audiences`, and by `untrained` for everyone else."""

    learned: Pipeline
    untrained: Pipeline
    audiences: frozenset[frozenset[str]]

    @property
    def style(self) -> PromptStyle | None:
        """The style that answers are rendered in, the same for all askers."""
        return getattr(self.learned, "style", None)

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """Split the batch by permission at every call, so that a revoked group counts at once."""
        answers: dict[int, Answer] = {}
        permitted = [
            place for place, query in enumerate(queries) if is_permitted(self.audiences, query.groups)
        ]
        others = sorted(set(range(len(queries))) - set(permitted))
        for places, pipeline in ((permitted, self.learned), (others, self.untrained)):
            if places:
                found = pipeline.answer([queries[place] for place in places], _renumbered(on_text, places))
                answers.update(zip(places, found, strict=True))
        for place in others:
            answers[place] = replace(answers[place], notes=(*answers[place].notes, NOT_PERMITTED))
        return [answers[place] for place in range(len(queries))]


def read_audiences(fitted: Path) -> frozenset[frozenset[str]]:
    """Return the group sets that a strategy's folder demands of its users; empty where everyone may use it."""
    sets: set[frozenset[str]] = set()
    for path in (fitted / ADAPTER / MANIFEST, fitted / OUTCOME):
        if path.is_file():
            sets |= {frozenset(names) for names in read_json(path).get("groups", ())}
    return frozenset(sets)


def restrict(fitted: Path, learned: Pipeline, untrained: Callable[[], Pipeline]) -> Pipeline:
    """Return `learned` as it is where everyone may use it, and behind its audiences otherwise."""
    audiences = read_audiences(fitted)
    return AudiencePipeline(learned, untrained(), audiences) if audiences else learned


def _renumbered(on_text: TextSink | None, places: Sequence[int]) -> TextSink | None:
    if on_text is None:
        return None
    outer = on_text

    def sink(position: int, text: str) -> None:
        outer(places[position], text)

    return sink
