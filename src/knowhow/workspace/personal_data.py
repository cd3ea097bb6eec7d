"""[privacy] at the borders of a workspace: documents and examples as they come in, questions before anything sees them, answers before anyone does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from os import environ
from typing import TYPE_CHECKING

from knowhow.config import Settings
from knowhow.protocols import Pipeline, TextSink
from knowhow.types import Answer, Evidence, Example, Message, Query

if TYPE_CHECKING:
    from knowhow.privacy.masking import Masking

VAULT = "vault.jsonl"
_KEY_VARIABLE = "KNOWHOW_VAULT_KEY"


def masking_of(settings: Settings) -> Masking | None:
    """Return the masking of a workspace, None where [privacy] mode is off; errors as build_masking has them."""
    key = environ.get(_KEY_VARIABLE, "") if settings.privacy.mode == "pseudonymise" else ""
    # Patterns are no part of the hash of settings, so they are spelled out for the cache.
    return _build(settings, repr(sorted(settings.privacy.patterns.items())), key)


@lru_cache(maxsize=8)
def _build(settings: Settings, patterns: str, key: str) -> Masking | None:
    from knowhow.privacy.masking import build_masking

    return build_masking(settings.privacy, settings.state / VAULT, settings.root)


def mask_examples(settings: Settings, examples: Iterable[Example]) -> list[Example]:
    """Return examples with question, references and quotes masked: what is trained on, asked, scored and reported."""
    masking = masking_of(settings)
    if masking is None:
        return list(examples)
    return [
        replace(
            example,
            question=masking(example.question),
            references=tuple(map(masking, example.references)),
            evidence=tuple(Evidence(item.document, masking(item.quote)) for item in example.evidence),
        )
        for example in examples
    ]


def mask_query(settings: Settings, query: Query) -> Query:
    """Return a question and its earlier turns as a model, a log and a cache may see them."""
    masking = masking_of(settings)
    if masking is None:
        return query
    turns = tuple(Message(turn.role, masking(turn.content)) for turn in query.history)
    return replace(query, text=masking(query.text), history=turns)


def mask_text(settings: Settings, text: str) -> str:
    """Return a text that a person wrote about an answer, as it may be kept."""
    masking = masking_of(settings)
    return text if masking is None else masking(text)


def mask_pipeline(settings: Settings, pipeline: Pipeline) -> Pipeline:
    """Return a pipeline that reads masked questions only and masks what the model says; the same one where [privacy] mode is off."""
    masking = masking_of(settings)
    return pipeline if masking is None else MaskedPipeline(pipeline, masking, settings)


@dataclass(frozen=True)
class MaskedPipeline:
    """A pipeline behind masking; text is handed on once it is whole, because half a number cannot be recognised."""

    inner: Pipeline
    masking: Masking
    settings: Settings

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """See Pipeline."""
        answers = [
            self._mask(answer)
            for answer in self.inner.answer([mask_query(self.settings, query) for query in queries])
        ]
        if on_text is not None:
            for position, answer in enumerate(answers):
                on_text(position, answer.text)
        return answers

    def _mask(self, answer: Answer) -> Answer:
        return replace(
            answer,
            text=self.masking(answer.text),
            error=None if answer.error is None else self.masking(answer.error),
            notes=tuple(map(self.masking, answer.notes)),
            warnings=tuple(map(self.masking, answer.warnings)),
        )

    def close(self) -> None:
        """Release the models of the pipeline, where it has its own."""
        close = getattr(self.inner, "close", None)
        if close is not None:
            close()
