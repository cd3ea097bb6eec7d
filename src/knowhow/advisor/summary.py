"""Advice in sentences that every form of it shares, and as the Recommendation that the report also returns."""

from __future__ import annotations

from knowhow.advisor.advice import Advice, summarise_costs
from knowhow.advisor.evidence import Gain
from knowhow.advisor.outcomes import DESCRIPTIONS, FAMILY_NAMES
from knowhow.advisor.text import Number, Share, Text, say
from knowhow.advisor.translation import Translator
from knowhow.types import Recommendation

STARTING_POINT = say(
    "This is a starting point from your answers and published studies, not a measurement. Measure it on your own questions with:"
    " knowhow compare"
)


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
