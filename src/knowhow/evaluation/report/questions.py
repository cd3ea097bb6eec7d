"""Questions side by side: what each strategy answered, from which sources, and why the scores differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowhow.evaluation.duplicates import normalise
from knowhow.evaluation.metrics.retrieval import pieces, relevant_ranks
from knowhow.evaluation.report.charts import colours
from knowhow.evaluation.report.wording import number
from knowhow.evaluation.results import Report
from knowhow.types import Answer, Example

_TEXT, _QUOTE, _SOURCES = 700, 220, 5


@dataclass(frozen=True, slots=True)
class Source:
    """A citation or a retrieved passage as the reader finds it."""

    label: str
    place: str
    quote: str = ""
    is_gold: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One strategy's answer to one question."""

    name: str
    colour: int
    text: str
    score: str
    is_best: bool
    citations: tuple[Source, ...]
    hits: tuple[Source, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question with all answers; `spread` is how far the scores lie apart."""

    id: str
    question: str
    references: tuple[str, ...]
    evidence: tuple[str, ...]
    cards: tuple[Card, ...]
    spread: float
    summary: str
    is_answerable: bool


def compare_questions(report: Report) -> list[Comparison]:
    """Return every asked question, those whose scores lie furthest apart first."""
    values: dict[str, dict[str, list[float]]] = {}
    for score in report.scores:
        if score.metric == report.decisive and score.value is not None:
            values.setdefault(score.example_id, {}).setdefault(score.strategy, []).append(score.value)
    means = {
        example: {name: sum(found) / len(found) for name, found in by_strategy.items()}
        for example, by_strategy in values.items()
    }
    compared = [_compare(report, example, means.get(example.id, {})) for example in report.record.examples]
    return sorted(compared, key=lambda item: (-item.spread, item.id))


def _compare(report: Report, example: Example, values: Mapping[str, float]) -> Comparison:
    rivals = {name: value for name, value in values.items() if not report.strategy(name).traits.is_diagnostic}
    best = max(rivals.values(), default=0.0)
    spread = best - min(rivals.values(), default=0.0)
    palette = colours(report)
    cards = []
    for item in report.strategies:
        arm = next(arm for arm in report.record.arms if arm.name == item.name)
        answer = report.record.answers.get(arm.key, {}).get(example.id)
        if answer is None:
            continue
        value = values.get(item.name)
        is_best = value is not None and spread > 0 and value == best and item.name in rivals
        cards.append(
            Card(
                item.name,
                palette[item.name],
                shorten(answer.text, _TEXT),
                number(value),
                is_best,
                _citations(answer),
                _hits(example, answer),
                tuple(_remarks(example, answer, value)),
            )
        )
    return Comparison(
        example.id,
        shorten(example.question, _TEXT),
        tuple(shorten(text, _TEXT) for text in example.references[:3]),
        tuple(item.document or "quote" for item in example.evidence[:3]),
        tuple(cards),
        spread,
        " · ".join(f"{card.name} {card.score}" for card in cards),
        example.is_answerable,
    )


def _remarks(example: Example, answer: Answer, value: float | None) -> list[str]:
    """Say what decided the score, as far as it can be told without guessing."""
    if answer.error is not None:
        return [f"failed: {shorten(answer.error, 160)}"]
    remarks = []
    if answer.abstained:
        remarks.append("abstained" if example.is_answerable else "abstained, rightly")
    elif not example.is_answerable:
        remarks.append("answered what the documents do not hold")
    if answer.hits and pieces(example.evidence):
        found = relevant_ranks(example, answer)
        is_low = value is not None and value < 0.5
        if not found:
            remarks.append("evidence not retrieved")
        elif is_low and _holds_reference(example, answer):
            remarks.append(f"evidence at rank {found[0]}, the accepted answer with more around it")
        elif is_low:
            remarks.append(f"evidence retrieved at rank {found[0]}, not used")
        else:
            remarks.append(f"evidence at rank {found[0]}")
    return [*remarks, *(shorten(text, 120) for text in answer.violations[:2])]


def _holds_reference(example: Example, answer: Answer) -> bool:
    text = f" {normalise(answer.text)} "
    return any(f" {normalise(reference)} " in text for reference in example.references)


def _citations(answer: Answer) -> tuple[Source, ...]:
    return tuple(
        Source(
            f"[{item.number}]",
            " · ".join(
                [
                    item.source or item.document_id,
                    *([f"page {item.page}"] if item.page else []),
                    *([" › ".join(item.heading)] if item.heading else []),
                ]
            ),
            shorten(item.quote, _QUOTE),
        )
        for item in answer.citations[:_SOURCES]
    )


def _hits(example: Example, answer: Answer) -> tuple[Source, ...]:
    gold = set(relevant_ranks(example, answer)) if pieces(example.evidence) else set()
    return tuple(
        Source(str(rank), hit.chunk.source or hit.chunk.document_id, is_gold=rank in gold)
        for rank, hit in enumerate(answer.hits[:_SOURCES], start=1)
    )


def shorten(text: str, length: int) -> str:
    """Cut a text at `length` characters, saying so with an ellipsis."""
    stripped = text.strip()
    return stripped if len(stripped) <= length else f"{stripped[: length - 1].rstrip()}…"
