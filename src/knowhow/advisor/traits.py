"""Derived facts that the rules read, the thresholds in one place, and the duties that exclude answering from weights alone."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.advisor.answers import (
    Answers,
    Change,
    Coverage,
    ExampleKind,
    Goal,
    Intents,
    ModelSize,
    Popularity,
    Retrieval,
    Sensitivity,
    Tri,
)
from knowhow.advisor.text import Text, say

TOO_FEW_EXAMPLES = 50
LIGHT_EXAMPLES = 100
FULL_EXAMPLES = 1_000
PROMPT_TOKENS = 6_000
"""A corpus up to here is put into the prompt whole: it fits an 8k window beside question and answer."""
HIGH_VOLUME = 100_000
WELL_KNOWN_PROBE = 0.7
CERTAIN_PROBE = 0.8
CEILING_PROBE = 0.95


@dataclass(slots=True)
class Traits:
    """Derived yes/no facts that several lines of the table read."""

    has_facts: bool
    is_changing: bool
    is_citable: bool
    is_erasable: bool
    lacks_documents: bool
    has_light_examples: bool
    has_full_examples: bool
    fits_prompt: bool


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A duty that forbids answering facts from the weights alone."""

    name: str
    because: Text
    uses: tuple[str, ...]


CITATIONS = Exclusion(
    "citations", say("Answers must cite sources; facts in weights have no source to show."), ("citations",)
)
FRESHNESS = Exclusion(
    "freshness", say("The information changes; weights keep the state of the last training."), ("changes",)
)
DELETION = Exclusion(
    "deletion",
    say("Data must be deletable on request; what was trained in can't be taken out again."),
    ("goal", "sensitivity"),
)
PERMISSIONS = Exclusion(
    "permissions",
    say("Readers have different rights; weights can't keep a fact from one reader and show it to another."),
    ("goal", "sensitivity"),
)


def derive_traits(answers: Answers) -> Traits:
    """Return the derived facts; an unknown number of examples counts as enough only when their kind is known."""
    a = answers
    kind, count = a.example_kind, a.examples
    has_facts = a.goal is not Goal.BEHAVIOUR
    is_generated = kind is ExampleKind.GENERATED
    if kind is ExampleKind.RAW_TEXT:
        light = full = False
    elif count is None:
        light = full = is_generated or kind is ExampleKind.CHECKED
    else:
        full = count >= FULL_EXAMPLES
        light = full if is_generated else count >= LIGHT_EXAMPLES
    return Traits(
        has_facts=has_facts,
        is_changing=a.changes not in (Change.STATIC, Change.UNKNOWN),
        is_citable=a.citations is Tri.YES,
        is_erasable=has_facts and bool(a.sensitivity & {Sensitivity.DELETION, Sensitivity.PERMISSIONS}),
        lacks_documents=a.corpus_tokens == 0,
        has_light_examples=light,
        has_full_examples=full,
        fits_prompt=a.corpus_tokens is not None
        and 0 < a.corpus_tokens <= PROMPT_TOKENS
        and Sensitivity.PERMISSIONS not in a.sensitivity,
    )


def find_exclusions(answers: Answers) -> tuple[Exclusion, ...]:
    """Return the duties that exclude closed-book fine-tuning: no facts from weights alone."""
    found = []
    if answers.citations is Tri.YES:
        found.append(CITATIONS)
    if answers.changes not in (Change.STATIC, Change.UNKNOWN):
        found.append(FRESHNESS)
    if answers.goal is not Goal.BEHAVIOUR:
        if Sensitivity.DELETION in answers.sensitivity:
            found.append(DELETION)
        if Sensitivity.PERMISSIONS in answers.sensitivity:
            found.append(PERMISSIONS)
    return tuple(found)


def is_unhelpful_corpus(a: Answers, t: Traits) -> bool:
    """Return whether facts are wanted from documents that don't hold them."""
    return t.has_facts and a.coverage is Coverage.NO


def needs_documents(a: Answers, t: Traits) -> bool:
    """Return whether the case can't be served without documents, and there are none."""
    return t.lacks_documents and (t.has_facts or t.is_citable or t.is_changing) and not is_known(a, t)


def is_known(a: Answers, t: Traits) -> bool:
    """Whether the model alone knows the facts: a high prompt-only score on facts that may be answered without a source.

    With plenty of examples even a high score still gains from training, so then the question stays open.
    """
    if a.goal is not Goal.KNOWLEDGE or t.is_citable or t.is_changing or t.is_erasable or a.probe is None:
        return False
    if t.has_full_examples:
        return False
    if a.popularity in (Popularity.TAIL, Popularity.PRIVATE) or a.coverage is Coverage.YES:
        return False
    if a.probe >= CERTAIN_PROBE:
        return True
    is_open = a.popularity is Popularity.HEAD and a.coverage is Coverage.UNKNOWN
    return is_open and a.probe >= WELL_KNOWN_PROBE


def is_closed_task(a: Answers, t: Traits) -> bool:
    """Whether a knowledge goal is really a fixed task: unchanging, uncited, strict in form, with many checked examples, no documents."""
    return (
        a.goal is Goal.KNOWLEDGE
        and a.changes is Change.STATIC
        and a.citations is Tri.NO
        and a.strict_form is Tri.YES
        and t.has_full_examples
        and a.example_kind is not ExampleKind.GENERATED
        and a.coverage is Coverage.UNKNOWN
        and not a.corpus_tokens
        and a.popularity in (Popularity.HEAD, Popularity.UNKNOWN)
    )


def has_several_intents(a: Answers, t: Traits) -> bool:
    """Return whether kinds of question differ in what they need, with examples enough to learn the routes."""
    is_mixed = a.goal is Goal.BOTH or a.changes is Change.MIXED
    return t.has_facts and a.intents is Intents.SEVERAL and is_mixed and t.has_light_examples


def can_train_reader(a: Answers, t: Traits) -> bool:
    """Whether teaching the model to read passages is worth it for facts.

    Checked examples: 1,000, or 100 where reading is known to be the weak part. Generated pairs: any number, except for a model of
    middle size behind good retrieval, which loses a point or two when it is trained on them without the passages.
    """
    reads_badly = (
        a.strict_form is Tri.YES
        or a.rare_language is Tri.YES
        or a.model_size is ModelSize.SMALL
        or a.retrieval in (Retrieval.POOR, Retrieval.MISLEADING)
    )
    if a.example_kind is ExampleKind.GENERATED:
        needs_no_help = a.model_size is ModelSize.MIDDLE and a.retrieval is Retrieval.GOOD
        return a.trains_with_context or reads_badly or not needs_no_help
    return t.has_full_examples or (t.has_light_examples and reads_badly)
