"""Field F1: structured answers compared field by field, whatever their spacing and the order of their keys."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from knowhow.evaluation.metrics.content import best_over_references, read_structure
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.evaluation.metrics.overlap import normalise_characters, normalise_words
from knowhow.language import is_cjk
from knowhow.registry import register
from knowhow.types import Answer, Example

Field = tuple[str, str]


def find_structure(text: str, opening: str) -> Any:
    """Return the first JSON value of `text` that begins with `opening`, None where there is none.

    What stands around it is a matter of form, which format_compliance scores.
    """
    decoder = json.JSONDecoder()
    place = text.find(opening)
    while place >= 0:
        try:
            return decoder.raw_decode(text, place)[0]
        except (ValueError, RecursionError):
            place = text.find(opening, place + 1)
    return None


def fields(value: Any, path: str = "") -> Iterator[Field]:
    """Yield (path, normalised value) of every leaf; places in a list do not count, and an empty object or list is a leaf."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from fields(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for part in value:
            yield from fields(part, f"{path}[]")
    else:
        yield path, _leaf(value)


def field_f1(predicted: str, expected: str) -> float:
    """Harmonic mean of precision and recall over the multiset of fields; 0 where either text holds no structure."""
    reference = read_structure(expected)
    found = (
        None if reference is None else find_structure(predicted, "{" if isinstance(reference, dict) else "[")
    )
    if found is None:
        return 0.0
    ours, theirs = Counter(fields(found)), Counter(fields(reference))
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        normalise = normalise_characters if is_cjk(value) else normalise_words
        return f"text {normalise(value) or value.strip()}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


@register("metric", "field_f1")
@describe(
    MetricInfo(summary="Share of fields (key and value) that agree with the best structured reference.")
)
@dataclass(frozen=True)
class FieldF1:
    """F1 over (path, value) of JSON answers, values normalised as for exact match; None where no reference is structured."""

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Score one answer; a failed answer or one without structure scores 0."""
        if all(read_structure(reference) is None for reference in example.references):
            return None
        if answer.error is not None or answer.abstained:
            return 0.0
        # The text as it is: taking away citation markers would take [1] out of a list.
        return best_over_references(example, answer.text, field_f1)
