"""The four families side by side for the user's case, dimension by dimension."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.advisor.answers import Answers, Change, Latency, Sensitivity, Tri
from knowhow.advisor.costs import CostReport, StrategyCost
from knowhow.advisor.outcomes import Family
from knowhow.advisor.questions import label_answer
from knowhow.advisor.text import Money, Text, say

FAMILIES = (Family.PROMPT, Family.RAG, Family.FINE_TUNE, Family.HYBRID)
_COSTED = {
    Family.PROMPT: "few_shot",
    Family.RAG: "rag",
    Family.FINE_TUNE: "finetuned",
    Family.HYBRID: "finetuned_rag",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One judgement: `rating` 2 good, 1 fair, 0 poor for this case."""

    text: Text
    rating: int


@dataclass(frozen=True, slots=True)
class Dimension:
    """One row of the table; cells in the order of FAMILIES."""

    name: Text
    case: Text | None
    cells: tuple[Cell, Cell, Cell, Cell]


def compare_dimensions(answers: Answers, report: CostReport) -> tuple[Dimension, ...]:
    """Return the ten dimensions for the case."""
    costs = {item.strategy: item for item in report.strategies}
    ranked = [costs[_COSTED[family]] for family in FAMILIES]
    return (
        _update(answers),
        _consistency(answers),
        _explainability(answers),
        _money(say("Up-front cost"), ranked, report.assumptions.currency, is_upfront=True),
        _money(say("Running cost per month"), ranked, report.assumptions.currency, is_upfront=False),
        _row(
            say("Development time"),
            None,
            (say("days"), 2),
            (say("weeks"), 1),
            (say("weeks, most of it for data"), 1),
            (say("both, one after the other"), 0),
        ),
        _data(answers),
        _security(answers),
        _latency(answers),
        _hallucination(answers),
        _row(
            say("Maintenance"),
            None,
            (say("prompts and tests"), 2),
            (say("documents and index"), 1),
            (say("examples, adapter, retraining"), 1),
            (say("documents, index, examples, adapter"), 0),
        ),
    )


def _row(name: Text, case: Text | None, *cells: tuple[Text, int]) -> Dimension:
    one, two, three, four = (Cell(text, rating) for text, rating in cells)
    return Dimension(name, case, (one, two, three, four))


def _update(a: Answers) -> Dimension:
    is_moving = a.changes in (Change.SLOW, Change.FAST, Change.MIXED)
    return _row(
        say("Update latency"),
        say("change: {changes}", changes=label_answer(a, "changes")),
        (say("minutes, if the fact is in the prompt"), 1),
        (say("minutes: change the document"), 2),
        (say("days: collect, train, test again"), 0 if is_moving else 1),
        (say("facts in minutes, behaviour in days"), 2),
    )


def _consistency(a: Answers) -> Dimension:
    is_strict = a.strict_form is Tri.YES
    return _row(
        say("Consistency of form"),
        say("strict form: {strict}", strict=label_answer(a, "strict_form")),
        (say("varies; an enforced grammar helps"), 0 if is_strict else 1),
        (say("varies with what was retrieved"), 0 if is_strict else 1),
        (say("high once trained"), 2),
        (say("high once trained"), 2),
    )


def _explainability(a: Answers) -> Dimension:
    return _row(
        say("Explainability"),
        say("citations: {citations}", citations=label_answer(a, "citations")),
        (say("only what stands in the prompt"), 1),
        (say("shows the source passage"), 2),
        (say("no source to show"), 0),
        (say("shows the source passage"), 2),
    )


def _money(name: Text, costs: list[StrategyCost], currency: str, *, is_upfront: bool) -> Dimension:
    amounts = [item.upfront if is_upfront else item.monthly for item in costs]
    order = sorted(item.likely for item in amounts)
    rows = [
        (
            say(
                "{likely} ({low} to {high})",
                likely=Money(item.likely, currency),
                low=Money(item.low, currency),
                high=Money(item.high, currency),
            ),
            2 if item.likely == order[0] else (0 if item.likely == order[-1] else 1),
        )
        for item in amounts
    ]
    return _row(name, None, *rows)


def _data(a: Answers) -> Dimension:
    has_examples = (a.examples or 0) >= 100
    return _row(
        say("Data needs"),
        say("examples: {examples}", examples=label_answer(a, "examples")),
        (say("a few good examples"), 2),
        (say("documents that hold the answers"), 0 if a.corpus_tokens == 0 else 2),
        (say("100 to 1,000 clean examples and more"), 2 if has_examples else 0),
        (say("documents and examples with evidence"), 1 if has_examples and a.corpus_tokens != 0 else 0),
    )


def _security(a: Answers) -> Dimension:
    is_duty = bool(a.sensitivity & {Sensitivity.DELETION, Sensitivity.PERMISSIONS, Sensitivity.PERSONAL_DATA})
    return _row(
        say("Security and compliance"),
        say("duties: {duties}", duties=label_answer(a, "sensitivity")),
        (say("nothing is stored in the model"), 2),
        (say("filter by rights, delete with proof"), 2),
        (say("can't forget, can't tell readers apart"), 0 if is_duty else 1),
        (say("index filters; keep secrets out of the examples"), 1),
    )


def _latency(a: Answers) -> Dimension:
    is_tight = a.latency is Latency.TIGHT
    return _row(
        say("Latency"),
        say("wanted: {latency}", latency=label_answer(a, "latency")),
        (say("long prompt with examples"), 1),
        (say("search, then a longer prompt"), 0 if is_tight else 1),
        (say("shortest prompt"), 2),
        (say("search, then the passages only"), 0 if is_tight else 1),
    )


def _hallucination(a: Answers) -> Dimension:
    known = a.probe is not None and a.probe >= 0.7
    case = say("prompt-only score: {probe}", probe=label_answer(a, "probe"))
    return _row(
        say("Hallucination risk"),
        case,
        (say("as the model knows the subject"), 2 if known else 0),
        (say("low where the passage is found"), 2),
        (say("higher on facts it was trained on late"), 1 if a.goal == "behaviour" else 0),
        (say("low where the passage is found"), 2),
    )
