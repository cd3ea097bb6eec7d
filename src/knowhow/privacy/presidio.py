"""Presidio as a further recogniser, for those who run it with a spaCy model of their own; nothing is ever fetched from here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from knowhow.errors import ConfigError, MissingDependencyError
from knowhow.privacy.spans import Recogniser, Span

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "PERSON": "name",
        "LOCATION": "place",
        "ORGANIZATION": "organisation",
        "NRP": "nationality",
        "DATE_TIME": "date",
    }
)
_MODEL = "en_core_web_lg"
_LEAST_SCORE = 0.4


def build_presidio() -> tuple[Recogniser, ...]:
    """Return Presidio's names, places, organisations, nationalities and dates as recognisers.

    MissingDependencyError without the extra, ConfigError without the spaCy model: Presidio would fetch it from the network by itself.
    """
    try:
        import presidio_analyzer
        import spacy.util
    except ImportError:
        raise MissingDependencyError.extra("[privacy] names presidio", "presidio") from None
    if not spacy.util.is_package(_MODEL):
        raise ConfigError(
            f"[privacy] names presidio needs the spaCy model {_MODEL}, which is not installed. Install it as spaCy's documentation says, "
            "or set names to trained or anchored."
        )
    engine = presidio_analyzer.AnalyzerEngine()

    @lru_cache(maxsize=4)
    def analyse(text: str) -> tuple[Any, ...]:
        return tuple(engine.analyze(text, language="en", entities=list(KINDS), score_threshold=_LEAST_SCORE))

    def find(entity: str, text: str) -> Iterator[Span]:
        return ((item.start, item.end) for item in analyse(text) if item.entity_type == entity)

    return tuple(Recogniser(kind, partial(find, entity)) for entity, kind in KINDS.items())
