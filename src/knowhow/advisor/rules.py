"""The advisor's rule: hard exclusions first, then the first line of a short table that fits.

Each line names the answers it reads and the published findings it stands on; nothing here was fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from knowhow.advisor.answers import (
    Answers,
    Change,
    Coverage,
    ExampleKind,
    Goal,
    Intents,
    Latency,
    ModelSize,
    Popularity,
    Retrieval,
    Sensitivity,
    Tri,
    TunedModel,
)
from knowhow.advisor.outcomes import FAMILY, Family, Outcome
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

_FACTS_FIRST = (Family.RAG, Family.HYBRID, Family.FINE_TUNE, Family.PROMPT)
_BOTH_FIRST = (Family.HYBRID, Family.RAG, Family.FINE_TUNE, Family.PROMPT)
_FORM_FIRST = (Family.FINE_TUNE, Family.HYBRID, Family.PROMPT, Family.RAG)
_PROMPT_FIRST = (Family.PROMPT, Family.RAG, Family.HYBRID, Family.FINE_TUNE)


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
class Rule:
    """One line of the table: when it fits, what follows, why, which answers it read, and the studies behind it.

    `grounds` are study or finding ids; an empty tuple means that the line follows from what the words mean, not from a measurement.
    """

    name: str
    fits: Callable[[Answers, Traits], bool]
    outcome: Outcome
    ranking: tuple[Family, ...]
    because: Text
    uses: tuple[str, ...]
    grounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A duty that forbids answering facts from the weights alone."""

    name: str
    because: Text
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What `decide` found: the line that fits, the families best first without excluded ones, and the exclusions that fired."""

    rule: Rule
    outcome: Outcome
    ranking: tuple[Family, ...]
    exclusions: tuple[Exclusion, ...]


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
        is_erasable=has_facts
        and bool(a.sensitivity & {Sensitivity.DELETION, Sensitivity.PERMISSIONS}),
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


def decide(answers: Answers, without: frozenset[str] = frozenset()) -> Choice:
    """Return the first fitting line whose outcome is not excluded; `without` switches lines off by name (for the back-test)."""
    traits = derive_traits(answers)
    exclusions = find_exclusions(answers)
    for rule in RULES:
        if rule.name in without or (exclusions and rule.outcome is Outcome.FINE_TUNE):
            continue
        if rule.fits(answers, traits):
            ranking = rule.ranking
            if exclusions:
                ranking = tuple(family for family in ranking if family is not Family.FINE_TUNE)
            return Choice(rule, rule.outcome, ranking, exclusions)
    raise AssertionError("The last line of the table fits every case.")


def family_of(choice: Choice) -> Family:
    """Return the family that the choice names."""
    return FAMILY[choice.outcome]


def _is_unhelpful_corpus(a: Answers, t: Traits) -> bool:
    return t.has_facts and a.coverage is Coverage.NO


def _needs_documents(a: Answers, t: Traits) -> bool:
    return t.lacks_documents and (t.has_facts or t.is_citable or t.is_changing) and not _is_known(a, t)


def _is_known(a: Answers, t: Traits) -> bool:
    """Whether the model alone knows the facts: a high prompt-only score on facts that may be answered without a source."""
    if a.goal is not Goal.KNOWLEDGE or t.is_citable or t.is_changing or t.is_erasable or a.probe is None:
        return False
    if a.popularity in (Popularity.TAIL, Popularity.PRIVATE) or a.coverage is Coverage.YES:
        return False
    if a.probe >= CERTAIN_PROBE:
        return True
    is_open = a.popularity is Popularity.HEAD and a.coverage is Coverage.UNKNOWN
    return is_open and a.probe >= WELL_KNOWN_PROBE


def _is_closed_task(a: Answers, t: Traits) -> bool:
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


def _has_several_intents(a: Answers, t: Traits) -> bool:
    is_mixed = a.goal is Goal.BOTH or a.changes is Change.MIXED
    return t.has_facts and a.intents is Intents.SEVERAL and is_mixed and t.has_light_examples


def _can_train_reader(a: Answers, t: Traits) -> bool:
    """Whether teaching the model to read passages is worth it for facts.

    Checked examples: 1,000, or 100 where reading is known to be the weak part. Generated pairs: any number, but a model of middle size
    that reads well loses a point or two when it is trained on them without the passages.
    """
    reads_badly = (
        a.strict_form is Tri.YES
        or a.model_size is ModelSize.SMALL
        or a.retrieval in (Retrieval.POOR, Retrieval.MISLEADING)
    )
    if a.example_kind is ExampleKind.GENERATED:
        return a.trains_with_context or reads_badly or a.model_size is ModelSize.LARGE
    return t.has_full_examples or (t.has_light_examples and reads_badly)


RULES: tuple[Rule, ...] = (
    Rule(
        "answers_not_in_documents",
        _is_unhelpful_corpus,
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "The documents don't hold the answers ({coverage}), and retrieval from the wrong documents is worse than none: find the"
            " right documents first."
        ),
        ("goal", "coverage"),
        ("finding_corpus_mismatch", "mirage2024", "finding_sufficient_context"),
    ),
    Rule(
        "closed_task",
        _is_closed_task,
        Outcome.FINE_TUNE,
        _FORM_FIRST,
        say(
            "It is a closed task: the facts don't change, needn't be cited, the form is strict, and {examples} checked examples show"
            " what is wanted."
        ),
        ("goal", "changes", "citations", "strict_form", "examples"),
        ("loraland2024", "finding_size_equalised"),
    ),
    Rule(
        "already_known",
        _is_known,
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "The model alone already scores {probe} on these questions; above that, published retrieval gains are small and often"
            " negative. Demand a measured gain before you build more."
        ),
        ("goal", "probe", "popularity", "coverage", "citations", "changes"),
        ("finding_probe_predicts_rag_gain", "finding_recall_value", "mirage2024", "selfrag2023"),
    ),
    Rule(
        "no_documents",
        _needs_documents,
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "You want {goal}, but there are no documents: nothing can be looked up, cited or kept fresh. Collect the documents first."
        ),
        ("goal", "corpus_tokens", "changes", "citations"),
    ),
    Rule(
        "misleading_documents",
        lambda a, t: t.has_facts
        and a.retrieval is Retrieval.MISLEADING
        and not (t.has_light_examples or a.example_kind is ExampleKind.GENERATED),
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "Passages contradict the truth ({retrieval}), and a model follows a wrong passage in a third to two thirds of cases even when"
            " it knew better. Clean the documents first; {examples} examples can't train it to resist."
        ),
        ("goal", "retrieval", "examples"),
        ("finding_clasheval_follow", "finding_clasheval_breakeven", "finding_corpus_mismatch"),
    ),
    Rule(
        "misleading_passages",
        lambda a, t: not t.has_facts and a.retrieval is Retrieval.MISLEADING and t.has_light_examples,
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "Some passages contradict the truth; with {examples} examples the model can be trained to tell right from wrong passages."
        ),
        ("goal", "retrieval", "examples"),
        ("finding_distractor_training", "finetunerag2025", "instructrag2024"),
    ),
    Rule(
        "form_without_examples",
        lambda a, t: not t.has_facts
        and not t.has_light_examples
        and not (t.is_citable or t.is_changing),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "The goal is {goal}, but {examples} clean examples are too few to train on: below 50 no result can be trusted, 100 allow a"
            " light adapter, 1,000 are comfortable. Prompt with the best examples, enforce the form, and collect more."
        ),
        ("goal", "examples", "example_kind"),
        ("finding_few_shot_retrieval", "finding_prompt_first_format"),
    ),
    Rule(
        "form_at_ceiling",
        lambda a, t: not t.has_facts
        and a.probe is not None
        and a.probe >= CEILING_PROBE
        and a.latency is not Latency.TIGHT
        and (a.volume or 0) < HIGH_VOLUME
        and not (t.is_citable or t.is_changing),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "Prompting already scores {probe}: training has next to nothing left to gain, and neither volume nor latency asks for"
            " shorter prompts."
        ),
        ("goal", "probe", "volume", "latency"),
        ("finding_probe_predicts_ft_gain",),
    ),
    Rule(
        "form_from_examples",
        lambda a, t: not t.has_facts and t.has_light_examples,
        Outcome.FINE_TUNE,
        _FORM_FIRST,
        say(
            "The goal is {goal} and there are {examples} clean examples: form, style and procedure are what training is good at."
            " Retrieval would only add noise."
        ),
        ("goal", "examples", "changes", "citations"),
        ("loraland2024", "anyscale2023", "openai_accuracy_guide", "firesparql2025", "finding_noise_into_ft"),
    ),
    Rule(
        "form_with_changing_facts",
        lambda a, t: not t.has_facts and t.has_light_examples,
        Outcome.RAG_LIGHT,
        _BOTH_FIRST,
        say(
            "The goal is {goal}, with {examples} examples to learn it from, but the facts in the answers change ({changes}) or must be"
            " cited: look them up, train only the form."
        ),
        ("goal", "changes", "citations", "examples"),
        ("finding_clasheval_follow", "ovadia2023"),
    ),
    Rule(
        "short_documents",
        lambda a, t: t.has_facts
        and t.fits_prompt
        and not (a.goal is Goal.BOTH and t.has_light_examples),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "All documents together are about {corpus_tokens} tokens: put them into the prompt. Nothing can be missed by retrieval,"
            " and there is no index to run."
        ),
        ("corpus_tokens", "goal"),
        ("finding_lc_vs_rag",),
    ),
    Rule(
        "several_kinds_of_question",
        _has_several_intents,
        Outcome.ROUTED,
        _BOTH_FIRST,
        say(
            "There are several kinds of question ({intents}) with different needs (change: {changes}), and {examples} examples to learn"
            " the routes from: give each kind its own treatment."
        ),
        ("goal", "intents", "changes", "examples"),
        ("finding_mallen", "finding_lc_vs_rag"),
    ),
    Rule(
        "generated_examples_outrun_documents",
        lambda a, t: a.goal is Goal.BOTH
        and a.example_kind is ExampleKind.GENERATED
        and a.coverage in (Coverage.PARTLY, Coverage.CONFLICTING),
        Outcome.RAG,
        (Family.RAG, Family.PROMPT, Family.HYBRID, Family.FINE_TUNE),
        say(
            "The examples are generated, and the documents hold the answers only {coverage}: training would teach mistakes. Start with"
            " retrieval and an enforced form, and have people check examples."
        ),
        ("goal", "example_kind", "coverage"),
        ("finding_dirty_data", "diliprc2025", "finding_gekhman", "finding_ghosal"),
    ),
    Rule(
        "both_without_examples",
        lambda a, t: a.goal is Goal.BOTH and not t.has_light_examples,
        Outcome.RAG,
        _FACTS_FIRST,
        say(
            "You want {goal}, but {examples} checked examples are too few to train the form on (100 checked ones for a light adapter,"
            " 1,000 generated ones). Retrieval brings the facts; prompt and grammar hold the form meanwhile."
        ),
        ("goal", "examples", "example_kind"),
        ("bha6kar2026", "finding_prompt_first_format", "finding_ft_faithfulness", "diliprc2025"),
    ),
    Rule(
        "both_but_reads_badly",
        lambda a, t: a.goal is Goal.BOTH
        and (a.retrieval in (Retrieval.POOR, Retrieval.MISLEADING) or a.example_kind is ExampleKind.GENERATED),
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "You want {goal} and have examples ({examples}); passages are noisy or the examples come from the documents themselves, so"
            " train with evidence among distractors."
        ),
        ("goal", "examples", "example_kind", "retrieval"),
        ("raft2024", "aloftrag2025", "alghisi2024", "finding_raft_effect"),
    ),
    Rule(
        "both_with_examples",
        lambda a, t: a.goal is Goal.BOTH,
        Outcome.RAG_LIGHT,
        _BOTH_FIRST,
        say(
            "You want {goal}: facts come from retrieval (they change: {changes}), form and tone from {examples} examples in a light"
            " adapter trained with the retrieved text."
        ),
        ("goal", "changes", "examples"),
        ("lewis2020", "finding_noise_into_ft", "finding_small_reader_gap"),
    ),
    Rule(
        "tuned_model_at_hand",
        lambda a, t: a.tuned_model in (TunedModel.FIELD, TunedModel.READER),
        Outcome.RAG_LIGHT,
        _BOTH_FIRST,
        say(
            "A tuned model is at hand ({tuned_model}): use it as the reader and let retrieval bring the facts. Tuned readers with retrieval"
            " beat both the plain reader and the tuned model alone."
        ),
        ("goal", "tuned_model"),
        ("mirage2024", "parag2025", "lewis2020"),
    ),
    Rule(
        "facts_with_reading_examples",
        lambda a, t: _can_train_reader(a, t),
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "The goal is {goal}; with {examples} examples ({example_kind}) the model can be trained to read retrieved passages, which"
            " published pairs show to be worth a few points over plain RAG."
        ),
        ("goal", "examples", "example_kind", "model_size", "strict_form"),
        (
            "aloftrag2025",
            "instructrag2024",
            "radit2023",
            "hierrag2025",
            "soudani2024",
            "raft2024",
            "finding_raft_effect",
            "finding_small_reader_gap",
        ),
    ),
    Rule(
        "facts",
        lambda a, t: t.has_facts,
        Outcome.RAG,
        _FACTS_FIRST,
        say(
            "The goal is {goal}: facts that change ({changes}) or must be cited ({citations}) belong into retrieval, and"
            " there is no behaviour gap that training would close."
        ),
        ("goal", "changes", "citations", "examples"),
        ("ovadia2023", "soudani2024", "clasheval2024", "finding_pit", "finding_allenzhu"),
    ),
    Rule(
        "form_with_facts_without_examples",
        lambda a, t: True,
        Outcome.RAG,
        _FACTS_FIRST,
        say(
            "The goal is {goal}, but the answers rest on facts that change ({changes}) or must be cited ({citations}), and {examples}"
            " examples are too few to train on: retrieve the facts, prompt the form."
        ),
        ("goal", "changes", "citations", "examples"),
    ),
)
"""In order: what is missing, what needs nothing, form, both, facts."""
