"""Citations: whether each marker leads to a passage that was retrieved, and whether that passage bears the sentence out."""

from __future__ import annotations

import re

from knowhow.evaluation.metrics.content import strip_markers
from knowhow.evaluation.metrics.information import MetricInfo, describe
from knowhow.evaluation.metrics.support import FLOOR, assess, overall_support
from knowhow.language import sentences, words
from knowhow.registry import register
from knowhow.types import Answer, Citation, Example

_MARKER = re.compile(r"\[(\d{1,3}(?:\s*[,，;–-]\s*\d{1,3})*)\]")


def find_markers(text: str) -> list[tuple[int, tuple[int, ...]]]:
    """Return (position, numbers) of each marker; a range such as [2-4] stands for all its numbers."""
    return [(match.start(), _numbers(match[1])) for match in _MARKER.finditer(text)]


def _numbers(inside: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in re.split(r"[,，;]", inside):
        first, *rest = [int(digits) for digits in re.findall(r"\d+", part)] or [0]
        numbers += range(first, (rest[0] if rest and rest[0] - first < 50 else first) + 1)
    return tuple(numbers)


def cited_sentences(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return each sentence with the numbers cited for it; a marker that opens a sentence belongs to the one before."""
    spans = sentences(text)
    cited: list[list[int]] = [[] for _ in spans]
    for position, numbers in find_markers(text):
        place = next((i for i, (start, end) in enumerate(spans) if start <= position < end), None)
        if place is None:
            continue
        leads = not words(strip_markers(text[spans[place][0] : position]))
        cited[place - 1 if leads and place > 0 else place] += numbers
    found = zip(spans, cited, strict=True)
    return [(strip_markers(text[start:end]), tuple(numbers)) for (start, end), numbers in found]


def claims(answer: Answer) -> list[tuple[str, tuple[int, ...]]]:
    """Return the sentences that cite something with the numbers; inferred citations, which have no marker, stand for all of them."""
    found = [(text, numbers) for text, numbers in cited_sentences(answer.text) if words(text)]
    inferred = tuple(item.number for item in answer.citations if item.is_inferred)
    if inferred and not any(numbers for _, numbers in found):
        return [(text, inferred) for text, _ in found]
    return [(text, numbers) for text, numbers in found if numbers]


def cited_text(citation: Citation, answer: Answer) -> str | None:
    """Return the text of the cited chunk, None when the chunk was not retrieved or the span or quote is not in it."""
    chunk = next((hit.chunk for hit in answer.hits if hit.chunk.id == citation.chunk_id), None)
    if chunk is None or citation.document_id != chunk.document_id:
        return None
    if not chunk.start <= citation.start < citation.end <= chunk.end:
        return None
    span = chunk.text[citation.start - chunk.start : citation.end - chunk.start]
    return chunk.text if not citation.quote or citation.quote.split() == span.split() else None


@register("metric", "citation_validity")
@describe(MetricInfo(kind="grounding", summary="Share of citation markers that lead to a retrieved passage."))
def citation_validity(example: Example, answer: Answer) -> float | None:
    """Share of markers (or inferred citations) with a true chunk, span and quote; None where nothing is cited."""
    if answer.error is not None:
        return 0.0
    numbers = [number for _, found in find_markers(answer.text) for number in found]
    numbers = numbers or [item.number for item in answer.citations if item.is_inferred]
    if answer.abstained or not numbers:
        return None
    valid = {item.number for item in answer.citations if cited_text(item, answer) is not None}
    return sum(number in valid for number in numbers) / len(numbers)


@register("metric", "citation_support")
@describe(MetricInfo(kind="grounding", summary="Share of cited sentences that the cited passages support."))
def citation_support(example: Example, answer: Answer) -> float | None:
    """Share of citing sentences whose cited passages alone support them; None where nothing is cited."""
    if answer.error is not None:
        return 0.0
    texts = {item.number: cited_text(item, answer) for item in answer.citations}
    cited = claims(answer)
    if answer.abstained or not cited:
        return None
    supported = 0
    for text, numbers in cited:
        passages = [passage for number in numbers if (passage := texts.get(number))]
        supported += (overall_support(assess(text, passages)) or 0.0) >= FLOOR
    return supported / len(cited)


@register("metric", "citation_coverage")
@describe(MetricInfo(kind="grounding", summary="Share of the answer's sentences that carry a citation."))
def citation_coverage(example: Example, answer: Answer) -> float | None:
    """Share of sentences with at least one marker; None for an abstention or an empty answer."""
    if answer.error is not None:
        return 0.0
    found = [numbers for text, numbers in cited_sentences(answer.text) if words(text)]
    return None if answer.abstained or not found else sum(map(bool, found)) / len(found)
