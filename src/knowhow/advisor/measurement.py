"""Prior and posterior: what published studies lead one to expect, beside what was measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from knowhow.advisor.cases import ARM_FAMILY
from knowhow.advisor.evidence import Gain
from knowhow.advisor.labels import LABELS, STRATEGY_NAMES
from knowhow.advisor.outcomes import FAMILY_NAMES, Family
from knowhow.advisor.text import Number, Text, Value, say
from knowhow.types import Interval

UNDECIDED = "undecided"
STRATEGY_FAMILY: Mapping[str, Family] = {
    **ARM_FAMILY,
    "finetuned": Family.FINE_TUNE,
    "finetuned_rag": Family.HYBRID,
    "tuned_retriever": Family.RAG,
    "routed": Family.HYBRID,
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finished comparison as the advisor reads it: scores from 0 to 1 by strategy, and paired differences by (strategy, against).

    `strategy` is the measured recommendation, `undecided` where the data could not tell; `day` may be empty.
    """

    run: str
    questions: int
    scores: Mapping[str, Interval] = field(hash=False)
    differences: Mapping[tuple[str, str], Interval] = field(default_factory=dict, hash=False)
    strategy: str = UNDECIDED
    day: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedMeasured:
    """One step from the prior to the posterior, all in points; `measured` None means that one of the two families was not run.

    The best measured strategy stands for its family. `measured_low` and `measured_high` are None where the two were not compared pairwise.
    """

    start: Family
    end: Family
    expected: float
    low: float
    high: float
    studies: int
    measured: float | None = None
    measured_low: float | None = None
    measured_high: float | None = None
    start_strategy: str = ""
    end_strategy: str = ""

    @property
    def reading(self) -> str:
        """One of not_measured, as_expected, within_error, above, below: where the measured change lies against the expected interval."""
        if self.measured is None:
            return "not_measured"
        if self.low <= self.measured <= self.high:
            return "as_expected"
        low, high = self.measured_low, self.measured_high
        if low is not None and high is not None and low <= self.high and high >= self.low:
            return "within_error"
        return "above" if self.measured > self.high else "below"


def expected_vs_measured(gains: Sequence[Gain], measurement: Measurement) -> tuple[ExpectedMeasured, ...]:
    """Put each expected gain beside the measured one; strategies of no family (such as oracle) are left out."""
    best: dict[Family, str] = {}
    for name, score in measurement.scores.items():
        family = STRATEGY_FAMILY.get(name)
        if family is not None and (
            family not in best or score.value > measurement.scores[best[family]].value
        ):
            best[family] = name
    return tuple(_step(gain, measurement, best.get(gain.start, ""), best.get(gain.end, "")) for gain in gains)


def _step(gain: Gain, measurement: Measurement, start: str, end: str) -> ExpectedMeasured:
    row = ExpectedMeasured(gain.start, gain.end, gain.mean, gain.low, gain.high, gain.studies)
    if not start or not end:
        return row
    # The paired difference counts where there is one: one of the two may have been given up after fewer questions.
    pair = measurement.differences.get((end, start))
    plain = measurement.scores[end].value - measurement.scores[start].value
    return ExpectedMeasured(
        *(gain.start, gain.end, gain.mean, gain.low, gain.high, gain.studies),
        measured=100 * (plain if pair is None else pair.value),
        measured_low=None if pair is None else 100 * pair.low,
        measured_high=None if pair is None else 100 * pair.high,
        start_strategy=start,
        end_strategy=end,
    )


def judge_advice(advised: str, measurement: Measurement) -> str:
    """Return agrees, differs, open or untested: what a measurement says about advice for the strategy `advised`."""
    if measurement.strategy == UNDECIDED:
        return "agrees" if advised == UNDECIDED else "open"
    family = STRATEGY_FAMILY.get(advised)
    if family is not None and STRATEGY_FAMILY.get(measurement.strategy) is family:
        return "agrees"
    has_rival = family is None or any(STRATEGY_FAMILY.get(name) is family for name in measurement.scores)
    return "differs" if has_rival else "untested"


def describe_judgement(advised: str, measurement: Measurement) -> Text:
    """Return what a measurement says about the advice, as a sentence."""
    verdict = judge_advice(advised, measurement)
    values: dict[str, Value] = {
        "questions": Number(measurement.questions),
        "strategy": name_strategy(measurement.strategy),
    }
    if verdict == "agrees" and measurement.strategy == UNDECIDED:
        return say(
            "The measurement on {questions} questions bears this out: no strategy can be recommended yet.",
            **values,
        )
    if verdict == "agrees":
        return say(
            "The measurement on {questions} questions bears the advice out: it recommends {strategy}.",
            **values,
        )
    if verdict == "open":
        return say(
            "The measurement on {questions} questions cannot tell yet which strategy is best; until it can, the advice stands as a guess.",
            **values,
        )
    if verdict == "untested":
        return say(
            "The measurement on {questions} questions recommends {strategy}, but {advised} was not among the measured strategies.",
            advised=name_strategy(advised),
            **values,
        )
    return say(
        "The measurement on {questions} questions recommends {strategy} instead. It was made on your own questions, so it outweighs"
        " the studies.",
        **values,
    )


def describe_step(row: ExpectedMeasured) -> Text:
    """Return the step as words: which family over which."""
    return say("{end} over {start}", end=FAMILY_NAMES[row.end], start=FAMILY_NAMES[row.start])


def describe_expected(row: ExpectedMeasured) -> Text:
    """Return the expected change with its interval over studies."""
    return say(
        "{points} points [{low}, {high}], {studies} studies",
        points=Number(row.expected),
        low=Number(row.low),
        high=Number(row.high),
        studies=Number(row.studies),
    )


def describe_measured(row: ExpectedMeasured) -> Text:
    """Return the measured change, with its interval where the two were compared pairwise."""
    if row.measured is None:
        return LABELS["not_measured"]
    names: dict[str, Value] = {"end": row.end_strategy, "start": row.start_strategy}
    if row.measured_low is None or row.measured_high is None:
        return say("{points} points ({end} – {start})", points=Number(row.measured), **names)
    return say(
        "{points} points [{low}, {high}] ({end} – {start})",
        points=Number(row.measured),
        low=Number(row.measured_low),
        high=Number(row.measured_high),
        **names,
    )


def describe_source(measurement: Measurement) -> Text:
    """Return which comparison was read."""
    found = say("Newest comparison: {run}, {questions} questions").fill(
        run=measurement.run, questions=Number(measurement.questions)
    )
    return say("{comparison}, {day}", comparison=found, day=measurement.day) if measurement.day else found


def name_strategy(strategy: str) -> Value:
    """Return a strategy in the advisor's words; one that it does not know keeps its own name."""
    return STRATEGY_NAMES.get(strategy, strategy)
