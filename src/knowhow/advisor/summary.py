"""Advice as data for others: the shared Recommendation, JSON, and expected beside measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowhow.advisor.advice import Advice, summarise_costs
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
