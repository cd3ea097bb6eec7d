"""The whole advice for a case: outcome, reasons, exclusions, signals, flips, confidence, gains, costs, table and plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from knowhow.advisor.answers import Answers, Coverage, Goal, Tri, WorkspaceFacts
from knowhow.advisor.assumptions import Assumptions
from knowhow.advisor.backtest import state_confidence
from knowhow.advisor.cases import Case
from knowhow.advisor.costs import CostReport, ValueFlip, estimate_costs, find_value_flip
from knowhow.advisor.decision import decide
from knowhow.advisor.dimensions import Dimension, compare_dimensions
from knowhow.advisor.evidence import (
    Agreement,
    Gain,
    Neighbour,
    estimate_gain,
    find_nearest,
    load_evidence,
)
from knowhow.advisor.measurement import ExpectedMeasured, Measurement, expected_vs_measured
from knowhow.advisor.notes import find_notes
from knowhow.advisor.outcomes import DESCRIPTIONS, FAMILY, RETRIEVES, STRATEGY, Description, Family, Outcome
from knowhow.advisor.plan import Route, Stage, plan_routes, plan_stages
from knowhow.advisor.questions import QUESTIONS, label_all, label_answer, list_alternatives
from knowhow.advisor.rules import Rule
from knowhow.advisor.text import Text, Value, say
from knowhow.advisor.traits import HIGH_VOLUME, Exclusion
from knowhow.advisor.triggers import Trigger, find_triggers

_MAX_FLIPS = 8
_COSTED = {
    Family.PROMPT: "few_shot",
    Family.RAG: "rag",
    Family.FINE_TUNE: "finetuned",
    Family.HYBRID: "finetuned_rag",
}


@dataclass(frozen=True, slots=True)
class UsedAnswer:
    """One answer that drove the outcome, in words."""

    field: str
    name: Text
    value: Value


@dataclass(frozen=True, slots=True)
class Flip:
    """One other answer that would flip the outcome."""

    field: str
    name: Text
    value: Value
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Signal:
    """One of the three signals for fine-tuning, and whether it is present; None where nobody has said."""

    name: Text
    is_present: bool | None


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation before there is data: a starting point with everything it rests on.

    Where the workspace has been measured, `measurement` and `steps` stand beside it as the posterior.
    """

    answers: Answers
    outcome: Outcome
    strategy: str
    rule: Rule
    reasons: tuple[Text, ...]
    used: tuple[UsedAnswer, ...]
    exclusions: tuple[Exclusion, ...]
    signals: tuple[Signal, ...]
    notes: tuple[Text, ...]
    flips: tuple[Flip, ...]
    agreement: Agreement
    gains: tuple[Gain, ...]
    nearest: tuple[Neighbour, ...]
    dimensions: tuple[Dimension, ...]
    costs: CostReport
    value_flip: ValueFlip | None
    stages: tuple[Stage, ...]
    routes: tuple[Route, ...]
    triggers: tuple[Trigger, ...]
    measurement: Measurement | None = None
    steps: tuple[ExpectedMeasured, ...] = ()

    @property
    def description(self) -> Description:
        """The outcome in words."""
        return DESCRIPTIONS[self.outcome]


def advise(
    answers: Answers,
    assumptions: Assumptions | None = None,
    facts: WorkspaceFacts | None = None,
    drift: float | None = None,
    measurement: Measurement | None = None,
) -> Advice:
    """Return the advice for a case; `facts` show in the triggers what the workspace sees now, `measurement` stands beside it."""
    choice = decide(answers)
    cases = load_evidence().cases
    family = FAMILY[choice.outcome]
    report = estimate_costs(answers, assumptions)
    # Whole documents in the prompt are no arm of the published comparisons, so no gain of theirs applies.
    gains = () if choice.rule.name == "short_documents" else find_gains(answers, family, cases)
    used_fields = list(
        dict.fromkeys([*choice.rule.uses, *(field for item in choice.exclusions for field in item.uses)])
    )
    return Advice(
        answers=answers,
        outcome=choice.outcome,
        strategy=find_strategy(answers, choice.outcome),
        rule=choice.rule,
        reasons=(
            choice.rule.because.fill(**label_all(answers)),
            *(item.because for item in choice.exclusions),
        ),
        used=tuple(
            UsedAnswer(field, QUESTIONS[field].name, label_answer(answers, field)) for field in used_fields
        ),
        exclusions=choice.exclusions,
        signals=find_signals(answers),
        notes=find_notes(answers, retrieves=choice.outcome in RETRIEVES),
        flips=find_flips(answers, choice.outcome),
        agreement=state_confidence(answers, choice, cases),
        gains=gains,
        nearest=tuple(find_nearest(answers, cases, count=5)),
        dimensions=compare_dimensions(answers, report),
        costs=report,
        value_flip=_find_value_flip(report, family, gains),
        stages=plan_stages(answers, choice.outcome),
        routes=plan_routes(answers, choice.outcome),
        triggers=find_triggers(answers, choice.outcome, report, facts, drift),
        measurement=measurement,
        steps=() if measurement is None else expected_vs_measured(gains, measurement),
    )


def find_strategy(answers: Answers, outcome: Outcome) -> str:
    """Return the strategy name to run first for the outcome."""
    choice = decide(answers)
    if outcome is Outcome.PROMPT and choice.rule.name == "short_documents":
        return "long_context"
    if outcome is Outcome.PROMPT and not answers.examples:
        return "base"
    return STRATEGY[outcome]


def find_gains(answers: Answers, family: Family, cases: Sequence[Case]) -> tuple[Gain, ...]:
    """Return what published studies lead one to expect on the way to `family`; nothing where the documents lack the answers."""
    if answers.coverage is Coverage.NO:
        return ()
    steps = {
        Family.PROMPT: [(Family.PROMPT, Family.FINE_TUNE)]
        if answers.goal is Goal.BEHAVIOUR
        else [(Family.PROMPT, Family.RAG)],
        Family.RAG: [(Family.PROMPT, Family.RAG), (Family.RAG, Family.HYBRID)],
        Family.FINE_TUNE: [(Family.PROMPT, Family.FINE_TUNE)],
        Family.HYBRID: [
            (Family.PROMPT, Family.RAG),
            (Family.PROMPT, Family.HYBRID),
            (Family.RAG, Family.HYBRID),
        ],
    }[family]
    found = (estimate_gain(answers, start, end, cases) for start, end in steps)
    return tuple(gain for gain in found if gain is not None)


def find_signals(answers: Answers) -> tuple[Signal, ...]:
    """Return the three signals for fine-tuning."""
    return (
        Signal(say("a strict form"), _truth(answers.strict_form)),
        Signal(say("very high volume"), None if answers.volume is None else answers.volume >= HIGH_VOLUME),
        Signal(say("specialised language rare in pre-training"), _truth(answers.rare_language)),
    )


def find_flips(answers: Answers, outcome: Outcome) -> tuple[Flip, ...]:
    """Return single answers that would change the outcome: the nearest value per question and outcome."""
    found: list[Flip] = []
    for question in QUESTIONS.values():
        if not question.applies(answers):
            continue
        seen = {outcome}
        alternatives = list_alternatives(question, answers)
        current = getattr(answers, question.field)
        if question.probes and current is not None:
            alternatives.sort(key=lambda item, q=question, now=current: abs(getattr(item, q.field) - now))  # type: ignore[misc]
        for item in alternatives:
            other = decide(item).outcome
            if other not in seen:
                seen.add(other)
                found.append(Flip(question.field, question.name, label_answer(item, question.field), other))
    first: list[Flip] = []
    for change in found:
        if change.field not in {item.field for item in first}:
            first.append(change)
    rest = [change for change in found if change not in first]
    return tuple([*first, *rest][:_MAX_FLIPS])


def update_answers(answers: Answers, facts: WorkspaceFacts) -> Answers:
    """Return earlier answers brought up to what the workspace shows now; what it can't see stays as it was answered."""
    from knowhow.advisor.answers import default_answers

    seen = default_answers(facts)
    fresh = {
        field: getattr(seen, field)
        for field in (
            "changes",
            "examples",
            "volume",
            "corpus_tokens",
            "coverage",
            "probe",
            "intents",
            "model_size",
        )
        if getattr(seen, field) not in (None, "unknown")
    }
    if facts.languages:
        fresh["languages"] = facts.languages
    return replace(answers, sensitivity=answers.sensitivity | seen.sensitivity, **fresh)


def summarise_costs(advice: Advice) -> Mapping[str, float]:
    """Return the likely cost per 1,000 queries and per month of each strategy as plain numbers."""
    summary: dict[str, float] = {}
    for item in advice.costs.strategies:
        summary[f"{item.strategy}_per_1000_queries"] = item.per_thousand.likely
        summary[f"{item.strategy}_upfront"] = item.upfront.likely
        summary[f"{item.strategy}_per_month"] = item.monthly.likely
    return summary


def _truth(answer: Tri) -> bool | None:
    return None if answer is Tri.UNKNOWN else answer is Tri.YES


def _find_value_flip(report: CostReport, family: Family, gains: tuple[Gain, ...]) -> ValueFlip | None:
    """From the last step of the gains: what one more correct answer must be worth for the dearer strategy to pay."""
    steps = [gain for gain in gains if gain.end is family] or list(gains)
    if not steps:
        return None
    gain = steps[-1]
    better, cheaper = _COSTED[gain.end], _COSTED[gain.start]
    return find_value_flip(report, better, cheaper, gain.mean)
