"""The untrained model with every document in the prompt: the simplest thing, where the documents fit the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from knowhow.errors import DataError
from knowhow.protocols import Components, Pipeline
from knowhow.registry import register
from knowhow.strategies.assembly import assemble
from knowhow.types import Chunk, Example, Hit, Query, Traits

_SHARE = 0.8
"""Share of the window that documents may take; the rest is for question, instructions and answer."""


@register("strategy", "long_context")
@dataclass(frozen=True)
class LongContext:
    """The untrained model with all public documents; not to be had where they do not fit the model's window."""

    enforces: bool = True
    traits: ClassVar[Traits] = Traits(retrieves=True, cites=True, is_live=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline; DataError when the documents are larger than the window."""
        generator = components.generator()
        corpus = WholeCorpus(components)
        chunks = corpus.chunks()
        window = generator.context_tokens
        # Every chunk has at least one token per eight characters, so a large corpus is refused without counting it.
        least = sum(len(chunk.text) for chunk in chunks) // 8
        tokens = least if least > window else sum(generator.count_tokens([chunk.text for chunk in chunks]))
        if tokens > _SHARE * window:
            raise DataError(
                f"The documents have about {tokens:,} tokens and the model's window holds {window:,}.",
                mend="Choose a model with a larger window, or leave long_context out.",
            )
        return assemble(components, generator, corpus, k=max(len(chunks), 1), enforces=self.enforces)


@dataclass(frozen=True)
class WholeCorpus:
    """Returns every public chunk in the order of the documents, whatever is asked; read again when the index has changed."""

    components: Components
    _known: dict[str, tuple[Chunk, ...]] = field(default_factory=dict, init=False, repr=False)

    def chunks(self) -> tuple[Chunk, ...]:
        """The public chunks of the index as it is now."""
        version = self.components.index_version
        if version not in self._known:
            # A prompt for everyone: what only some may read stays out of it, also where training may use it.
            found = tuple(chunk for chunk in self.components.chunks() if not chunk.groups)
            self._known.clear()
            self._known[version] = found
        return self._known[version]

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """All chunks, equal scores."""
        return [[Hit(chunk, 1.0) for chunk in self.chunks()] for _ in queries]
