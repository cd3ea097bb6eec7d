"""Advice as data for others: the shared Recommendation, JSON, and expected beside measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from knowhow.advisor.advice import Advice, summarise_costs
from knowhow.advisor.answers import describe_answers
from knowhow.advisor.cases import ARM_FAMILY
from knowhow.advisor.evidence import Gain
from knowhow.advisor.outcomes import DESCRIPTIONS, Family
from knowhow.advisor.text import Number, Share, Text, say
from knowhow.advisor.translation import Translator
from knowhow.types import Recommendation

STRATEGY_FAMILY: Mapping[str, Family] = {
    **ARM_FAMILY,
    "finetuned": Family.FINE_TUNE,
    "finetuned_rag": Family.HYBRID,
    "tuned_retriever": Family.RAG,
    "routed": Family.HYBRID,
}
FAMILY_NAMES: Mapping[Family, Text] = {
    Family.PROMPT: say("prompt"),
    Family.RAG: say("RAG"),
    Family.FINE_TUNE: say("fine-tuning"),
    Family.HYBRID: say("RAG with fine-tuning"),
}
STARTING_POINT = say(
    "This is a starting point from your answers and published studies, not a measurement. Measure it on your own questions with:"
    " knowhow compare"
)


@dataclass(frozen=True, slots=True)
class ExpectedMeasured:
    """One step from the prior to the posterior, in points: what studies led one to expect, and what was measured here.

    `measured` None means that one of the two families was not run; `is_inside` compares it with the expected interval.
    """

    start: Family
    end: Family
    expected: float
    low: float
    high: float
    measured: float | None
    is_inside: bool | None


def expected_vs_measured(advice: Advice, measured: Mapping[str, float]) -> tuple[ExpectedMeasured, ...]:
    """Put the expected gains beside the measured ones; `measured` maps strategy names to scores from 0 to 1.

    The best measured strategy stands for its family; strategies of no family (such as oracle) are left out.
    """
    best: dict[Family, float] = {}
    for name, score in measured.items():
        family = STRATEGY_FAMILY.get(name)
        if family is not None:
            best[family] = max(score, best.get(family, score))
    rows = []
    for gain in advice.gains:
        found = 100 * (best[gain.end] - best[gain.start]) if gain.start in best and gain.end in best else None
        inside = None if found is None else gain.low <= found <= gain.high
        rows.append(ExpectedMeasured(gain.start, gain.end, gain.mean, gain.low, gain.high, found, inside))
    return tuple(rows)


def describe_gain(gain: Gain) -> Text:
    """Return an expected gain as a sentence."""
    return say(
        "{end} over {start}: {mean} points [{low}, {high}] over {studies} studies, {rows} comparisons",
        end=FAMILY_NAMES[gain.end],
        start=FAMILY_NAMES[gain.start],
        mean=Number(gain.mean),
        low=Number(gain.low),
        high=Number(gain.high),
        studies=Number(gain.studies),
        rows=Number(gain.rows),
    )


def describe_confidence(advice: Advice) -> Text:
    """Return the confidence as a sentence: agreement among published cases with the same advice."""
    agreement = advice.agreement
    if agreement.studies == 0:
        return say("No published study measured this advice on a comparable case; the confidence is a guess.")
    return say(
        "{share}: in {supporting} of the {studies} nearest published studies with the same advice it was acceptable",
        share=Share(agreement.share),
        supporting=Number(agreement.supporting),
        studies=Number(agreement.studies),
    )


def to_recommendation(advice: Advice, language: str = "en") -> Recommendation:
    """Return the advice as the type that the report also returns, in words of `language`."""
    show = Translator(language).show
    return Recommendation(
        strategy=advice.strategy,
        headline=show(advice.description.title),
        reasons=tuple(show(item) for item in advice.reasons),
        trade_offs=tuple(show(item) for item in advice.description.trade_offs),
        costs=summarise_costs(advice),
        flips_when=tuple(
            f"{show(item.name)} = {show(item.value)} → {show(DESCRIPTIONS[item.outcome].title)}"
            for item in advice.flips
        ),
        next_steps=tuple(show(stage.title) for stage in advice.stages),
        confidence=advice.agreement.share,
        is_decided=advice.strategy != "undecided",
    )


def to_json(advice: Advice, language: str = "en") -> dict[str, Any]:
    """Return the whole advice as JSON values; words are in `language`, keys and codes are not."""
    show = Translator(language).show
    costs = advice.costs
    return {
        "outcome": str(advice.outcome),
        "strategy": advice.strategy,
        "title": show(advice.description.title),
        "choose_when": show(advice.description.choose_when),
        "rule": advice.rule.name,
        "grounds": list(advice.rule.grounds),
        "answers": describe_answers(advice.answers),
        "reasons": [show(item) for item in advice.reasons],
        "used_answers": {item.field: show(item.value) for item in advice.used},
        "exclusions": {item.name: show(item.because) for item in advice.exclusions},
        "signals": {show(item.name): item.is_present for item in advice.signals},
        "trade_offs": [show(item) for item in advice.description.trade_offs],
        "notes": [show(item) for item in advice.notes],
        "flips": [
            {"answer": item.field, "value": show(item.value), "outcome": str(item.outcome)}
            for item in advice.flips
        ],
        "confidence": {**asdict(advice.agreement), "text": show(describe_confidence(advice))},
        "expected_gains": [
            {
                "from": str(gain.start),
                "to": str(gain.end),
                "points": round(gain.mean, 2),
                "interval": [round(gain.low, 2), round(gain.high, 2)],
                "studies": gain.studies,
                "comparisons": gain.rows,
            }
            for gain in advice.gains
        ],
        "nearest": [
            {
                "id": item.case.id,
                "study": item.case.study,
                "similarity": round(item.similarity, 3),
                "arms": dict(item.case.arms),
            }
            for item in advice.nearest
        ],
        "dimensions": [
            {
                "name": show(row.name),
                "case": show(row.case) if row.case else None,
                "cells": [{"text": show(cell.text), "rating": cell.rating} for cell in row.cells],
            }
            for row in advice.dimensions
        ],
        "costs": {
            "currency": costs.assumptions.currency,
            "billing": costs.assumptions.billing,
            "queries_per_day": costs.queries_per_day,
            "strategies": {item.strategy: _drop_name(asdict(item)) for item in costs.strategies},
            "curve": {name: list(points) for name, points in costs.curve.items()},
            "crossings": [asdict(item) for item in costs.crossings],
            "value_flip": asdict(advice.value_flip) if advice.value_flip else None,
            "assumptions": {
                item.key: {
                    "low": item.low,
                    "likely": item.likely,
                    "high": item.high,
                    "unit": item.unit,
                    "origin": item.origin,
                }
                for item in costs.assumptions.items.values()
            },
        },
        "plan": [
            {
                "stage": stage.name,
                "title": show(stage.title),
                "action": show(stage.action),
                "done_when": show(stage.done_when),
                "command": stage.command,
                "strategies": list(stage.strategies),
            }
            for stage in advice.stages
        ],
        "routes": [
            {"questions": show(item.questions), "strategy": item.strategy, "treatment": show(item.treatment)}
            for item in advice.routes
        ],
        "triggers": [
            {
                "trigger": item.name,
                "condition": show(item.condition),
                "now": show(item.now),
                "has_fired": item.has_fired,
            }
            for item in advice.triggers
        ],
        "caution": show(STARTING_POINT),
    }


def _drop_name(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "strategy"}
