"""The whole advice as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from knowhow.advisor.advice import Advice
from knowhow.advisor.answers import describe_answers
from knowhow.advisor.history import FactChange
from knowhow.advisor.measurement import describe_judgement, judge_advice
from knowhow.advisor.outcomes import Outcome
from knowhow.advisor.summary import STARTING_POINT, describe_confidence
from knowhow.advisor.text import Value
from knowhow.advisor.translation import Translator

Show = Callable[[Value], str]


def to_json(advice: Advice, language: str = "en") -> dict[str, Any]:
    """Return the whole advice as JSON values; words are in `language`, keys and codes are not."""
    show = Translator(language).show
    return {
        **_decision(advice, show),
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
        "measurement": _measurement(advice, show),
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
        "costs": _costs(advice),
        **_future(advice, show),
        "caution": show(STARTING_POINT),
    }


def reconsideration_to_json(
    before: Advice,
    after: Advice,
    changes: Sequence[FactChange],
    earlier: Outcome | None,
    day: str,
    language: str = "en",
) -> dict[str, Any]:
    """Return the advice `after` as JSON values, with what changed since the decision of `day` under `again`."""
    show = Translator(language).show
    return {
        **to_json(after, language),
        "again": {
            "earlier": str(earlier) if earlier else None,
            "day": day,
            "changes": [
                {"fact": item.field, "before": show(item.before), "now": show(item.now)} for item in changes
            ],
            "triggers": _triggers(before, show),
        },
    }


def _decision(advice: Advice, show: Show) -> dict[str, Any]:
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
    }


def _measurement(advice: Advice, show: Show) -> dict[str, Any] | None:
    found = advice.measurement
    if found is None:
        return None
    return {
        "run": found.run,
        "day": found.day,
        "questions": found.questions,
        "strategy": found.strategy,
        "verdict": judge_advice(advice.strategy, found),
        "text": show(describe_judgement(advice.strategy, found)),
        "scores": {name: [score.value, score.low, score.high] for name, score in found.scores.items()},
        "steps": [
            {
                "from": str(row.start),
                "to": str(row.end),
                "expected": round(row.expected, 2),
                "expected_interval": [round(row.low, 2), round(row.high, 2)],
                "studies": row.studies,
                "measured": _rounded(row.measured),
                "measured_interval": None
                if row.measured_low is None
                else [_rounded(row.measured_low), _rounded(row.measured_high)],
                "strategies": [row.start_strategy, row.end_strategy],
                "reading": row.reading,
            }
            for row in advice.steps
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _costs(advice: Advice) -> dict[str, Any]:
    costs = advice.costs
    return {
        "currency": costs.assumptions.currency,
        "billing": costs.assumptions.billing,
        "queries_per_day": costs.queries_per_day,
        "is_volume_assumed": costs.is_volume_assumed,
        "corpus_tokens": costs.corpus_tokens,
        "is_corpus_assumed": costs.is_corpus_assumed,
        "strategies": {
            item.strategy: {
                "per_thousand": asdict(item.per_thousand),
                "upfront": asdict(item.upfront),
                "monthly": asdict(item.monthly),
            }
            for item in costs.strategies
        },
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
    }


def _future(advice: Advice, show: Show) -> dict[str, Any]:
    return {
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
        "triggers": _triggers(advice, show),
    }


def _triggers(advice: Advice, show: Show) -> list[dict[str, Any]]:
    return [
        {
            "trigger": item.name,
            "condition": show(item.condition),
            "now": show(item.now),
            "has_fired": item.has_fired,
        }
        for item in advice.triggers
    ]
