"""The advisor's questions: five that always count, finer ones only where they can change the outcome or the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from knowhow.advisor.answers import (
    Answers,
    Goal,
    Sensitivity,
    Tri,
    parse_answers,
)
from knowhow.advisor.decision import decide
from knowhow.advisor.text import Joined, Number, Share, Text, Value, say


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a question."""

    value: str
    label: Text


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the case; `options` empty means a number (or, for languages, a list of codes).

    `probes` are numbers that stand for the ranges of a numeric answer; `shapes_plan` asks it although the outcome may stay the same.
    """

    field: str
    name: Text
    text: Text
    why: Text
    options: tuple[Option, ...] = ()
    probes: tuple[float, ...] = ()
    applies: Callable[[Answers], bool] = lambda answers: True
    shapes_plan: bool = False
    is_many: bool = False


_YES_NO = (Option("yes", say("yes")), Option("no", say("no")))
_UNKNOWN = say("not known")


def _has_facts(answers: Answers) -> bool:
    return answers.goal is not Goal.BEHAVIOUR


FIRST_QUESTIONS: tuple[Question, ...] = (
    Question(
        "goal",
        say("Goal"),
        say("What should change about the output?"),
        say(
            "It is the one answer that alone predicts which approach wins in published comparisons: facts come from retrieval,"
            " behaviour from training."
        ),
        (
            Option("knowledge", say("knowledge (facts the model doesn't have)")),
            Option("behaviour", say("behaviour (style, form, procedure)")),
            Option("both", say("both knowledge and behaviour")),
        ),
    ),
    Question(
        "changes",
        say("Change"),
        say("How often does the information in the answers change?"),
        say("Weights keep the state of the last training; an index is as fresh as its documents."),
        (
            Option("static", say("hardly ever, or the answer follows from the question alone")),
            Option("slow", say("quarterly or slower")),
            Option("fast", say("weekly or faster")),
            Option("mixed", say("mixed: part stable, part changing")),
        ),
    ),
    Question(
        "citations",
        say("Citations"),
        say("Must answers cite their sources?"),
        say("Only what was retrieved can be shown as a source; facts in weights can't."),
        _YES_NO,
    ),
    Question(
        "examples",
        say("Examples"),
        say("How many clean question-answer examples are there, or can be had?"),
        say(
            "Below 50 no training result can be trusted, 100 allow a light adapter, 1,000 are comfortable; wrong examples do harm."
        ),
        probes=(0, 25, 100, 1000, 20000),
    ),
    Question(
        "volume",
        say("Queries per day"),
        say("How many queries per day are expected?"),
        say(
            "Very high volume pays for training, because a trained model needs shorter prompts; low volume never does."
        ),
        probes=(100, 10_000, 200_000),
        shapes_plan=True,
    ),
    Question(
        "latency",
        say("Latency"),
        say("How tight are latency and cost?"),
        say("Retrieved text makes prompts longer; on a CPU that is most of the waiting time."),
        (
            Option("relaxed", say("relaxed (over 5 seconds is fine)")),
            Option("interactive", say("interactive (1 to 5 seconds)")),
            Option("tight", say("tight (under 1 second)")),
        ),
        shapes_plan=True,
    ),
)
"""The five questions; the fifth, load, has two parts."""

FINER_QUESTIONS: tuple[Question, ...] = (
    Question(
        "corpus_tokens",
        say("Size of the documents"),
        say("How many tokens do all documents hold together? (a page is about 600; 0: no documents)"),
        say("A few pages fit into the prompt whole, and then nothing can be missed by retrieval."),
        probes=(0, 3_000, 1_000_000),
        applies=_has_facts,
    ),
    Question(
        "coverage",
        say("Answers in the documents"),
        say("Do the documents hold the answers?"),
        say("Retrieval from documents without the answer is worse than none."),
        (
            Option("yes", say("yes")),
            Option("partly", say("partly")),
            Option("no", say("no")),
            Option("conflicting", say("yes, but they contradict each other")),
        ),
        applies=_has_facts,
    ),
    Question(
        "intents",
        say("Kinds of question"),
        say("Are all questions of one kind, or of several kinds that need different treatment?"),
        say(
            "Stable explanations, fresh facts and interpretation in a fixed form are served best separately."
        ),
        (Option("one", say("one kind")), Option("several", say("several kinds"))),
        applies=_has_facts,
    ),
    Question(
        "example_kind",
        say("Kind of examples"),
        say("Where do the examples come from?"),
        say(
            "Unchecked examples teach their mistakes: eight per cent of wrong ones have pushed a tuned model below the untuned one."
        ),
        (
            Option("checked", say("written or checked by people")),
            Option("generated", say("generated by a model")),
            Option("raw_text", say("raw text only, no question-answer pairs")),
        ),
        applies=lambda answers: answers.examples is None or answers.examples > 0,
    ),
    Question(
        "strict_form",
        say("Strict form"),
        say("Must the output keep a strict form (fields, sections, a schema)?"),
        say("A strict form is one of three signals for fine-tuning; try an enforced grammar first."),
        _YES_NO,
        shapes_plan=True,
    ),
    Question(
        "probe",
        say("Prompt-only score"),
        say("What share of your questions does the model answer well with a prompt alone? (0 to 1)"),
        say(
            "It predicts the gain of everything that follows: much below .4, little above .6. The tool can measure it."
        ),
        probes=(0.1, 0.5, 0.75, 0.85, 0.97),
    ),
    Question(
        "retrieval",
        say("Retrieval"),
        say("How well does retrieval find the evidence?"),
        say("Nothing downstream mends what is not found, and contradicting passages mislead every model."),
        (
            Option("good", say("well")),
            Option("poor", say("poorly")),
            Option("misleading", say("it finds passages that contradict the truth")),
        ),
        applies=_has_facts,
    ),
    Question(
        "sensitivity",
        say("Duties"),
        say("Which duties does the data bring?"),
        say("What is trained in can be neither deleted nor kept from some readers; an index can do both."),
        (
            Option("personal_data", say("personal data")),
            Option("deletion", say("right to deletion")),
            Option("permissions", say("readers with different rights")),
            Option("on_premise", say("must stay on own machines")),
        ),
        shapes_plan=True,
        is_many=True,
    ),
    Question(
        "rare_language",
        say("Specialised language"),
        say("Is the field's language rare in what models were trained on?"),
        say(
            "A model that doesn't understand the words can't use the passage; this is a signal for training."
        ),
        _YES_NO,
        shapes_plan=True,
    ),
    Question(
        "priority",
        say("First priority"),
        say("What comes first: correct facts, or a consistent form?"),
        say("It decides which gap is closed first and which metric compares the strategies."),
        (
            Option("correctness", say("correct facts")),
            Option("form", say("consistent form")),
        ),
        applies=lambda answers: answers.goal is Goal.BOTH,
        shapes_plan=True,
    ),
    Question(
        "reasoning",
        say("Reasoning"),
        say("Is an answer looked up, or does it have to be worked out?"),
        say("Retrieval brings material, not reasoning; deep reasoning asks for a larger model first."),
        (Option("shallow", say("looked up")), Option("deep", say("worked out"))),
        shapes_plan=True,
    ),
    Question(
        "multi_hop",
        say("Joined passages"),
        say("Do answers join facts from several documents?"),
        say("A single retrieval pass can fail on such questions; don't promise a gain before measuring."),
        _YES_NO,
        applies=_has_facts,
        shapes_plan=True,
    ),
    Question(
        "languages",
        say("Languages"),
        say("Which languages do questions and documents use? (codes such as en, zh, ja)"),
        say("The embedded model is English; other languages need a model that speaks them."),
        shapes_plan=True,
    ),
    Question(
        "offline",
        say("Offline"),
        say("Must it run offline or on an edge device?"),
        say("Then only a small model fits, and small models gain most from training."),
        _YES_NO,
        shapes_plan=True,
    ),
    Question(
        "popularity",
        say("How well known"),
        say("How well known are the facts outside your organisation?"),
        say("Retrieval adds almost nothing on textbook facts and most on rare or private ones."),
        (
            Option("head", say("textbook knowledge")),
            Option("tail", say("rarely published")),
            Option("private", say("never published")),
        ),
        applies=_has_facts,
    ),
    Question(
        "model_size",
        say("Model size"),
        say("How large is the model?"),
        say("Small models read badly and gain from training; from 7 billion parameters reading is good."),
        (
            Option("small", say("up to 3.5 billion parameters")),
            Option("middle", say("3.5 to 9 billion")),
            Option("large", say("above 9 billion, or behind an API")),
        ),
    ),
    Question(
        "tuned_model",
        say("Tuned model at hand"),
        say("Is there already a tuned model that you could use?"),
        say(
            "A model adapted to your field, or trained to read passages, is a better reader at no training cost."
        ),
        (
            Option("none", say("no")),
            Option("field", say("yes, adapted to the field")),
            Option("reader", say("yes, trained to read retrieved passages")),
        ),
        applies=lambda answers: answers.goal is Goal.KNOWLEDGE and answers.rare_language is Tri.YES,
    ),
)

QUESTIONS: Mapping[str, Question] = {
    question.field: question for question in (*FIRST_QUESTIONS, *FINER_QUESTIONS)
}


def list_alternatives(question: Question, answers: Answers) -> list[Answers]:
    """Return the case once for every choice (or probe number) of the question."""
    if question.is_many:
        return [
            replace(answers, sensitivity=frozenset(chosen))
            for chosen in ((), *((duty,) for duty in Sensitivity))
        ]
    values: list[Any] = [option.value for option in question.options] or list(question.probes)
    return [parse_answers({question.field: value}, answers) for value in values]


def matters(question: Question, answers: Answers) -> bool:
    """Return whether asking can change the outcome, or the question shapes the plan."""
    if not question.applies(answers):
        return False
    if question.shapes_plan:
        return True
    return len({decide(item).outcome for item in list_alternatives(question, answers)}) > 1


def label_answer(answers: Answers, field: str) -> Value:
    """Return the answer to one question in words."""
    value = getattr(answers, field)
    if field == "trains_with_context":
        return say("yes") if value else say("no")
    question = QUESTIONS[field]
    if value is None or value == "unknown":
        return _UNKNOWN
    if question.is_many:
        labels = [option.label for option in question.options if option.value in value]
        return Joined(tuple(labels)) if labels else say("none")
    if field == "languages":
        return ", ".join(value) if value else _UNKNOWN
    if field == "probe":
        return Share(value)
    if not question.options:
        return Number(value)
    return next((option.label for option in question.options if option.value == value), str(value))


def label_all(answers: Answers) -> dict[str, Value]:
    """Return every answer in words by field, to fill the reasons of the rules."""
    return {field: label_answer(answers, field) for field in QUESTIONS}
