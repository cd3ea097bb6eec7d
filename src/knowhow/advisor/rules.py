"""The advisor's table: the first line that fits decides.

Each line names the answers it reads and the published findings it stands on; nothing here was fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from knowhow.advisor.answers import (
    Answers,
    Coverage,
    ExampleKind,
    Goal,
    Latency,
    Retrieval,
    TunedModel,
)
from knowhow.advisor.outcomes import Family, Outcome
from knowhow.advisor.text import Text, say
from knowhow.advisor.traits import (
    CEILING_PROBE,
    HIGH_VOLUME,
    Traits,
    can_train_reader,
    has_several_intents,
    is_closed_task,
    is_known,
    is_unhelpful_corpus,
    needs_documents,
)

_FACTS_FIRST = (Family.RAG, Family.HYBRID, Family.FINE_TUNE, Family.PROMPT)
_BOTH_FIRST = (Family.HYBRID, Family.RAG, Family.FINE_TUNE, Family.PROMPT)
_FORM_FIRST = (Family.FINE_TUNE, Family.HYBRID, Family.PROMPT, Family.RAG)
_PROMPT_FIRST = (Family.PROMPT, Family.RAG, Family.HYBRID, Family.FINE_TUNE)


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


RULES: tuple[Rule, ...] = (
    Rule(
        "answers_not_in_documents",
        is_unhelpful_corpus,
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "The documents don't hold the answers (answers in the documents: {coverage}), and retrieval from the wrong"
            " documents is worse than none: find the right documents first."
        ),
        ("goal", "coverage"),
        ("finding_corpus_mismatch", "mirage2024", "finding_sufficient_context"),
    ),
    Rule(
        "closed_task",
        is_closed_task,
        Outcome.FINE_TUNE,
        _FORM_FIRST,
        say(
            "It is a closed task (goal: {goal}; change: {changes}; citations: {citations}; strict form: {strict_form}),"
            " and clean examples show what is wanted (examples: {examples})."
        ),
        ("goal", "changes", "citations", "strict_form", "examples"),
        ("loraland2024", "finding_size_equalised"),
    ),
    Rule(
        "already_known",
        is_known,
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "The model alone already scores {probe} on these questions; from there, published retrieval gains are small"
            " and often negative. Demand a measured gain before you build more."
        ),
        ("goal", "probe", "popularity", "coverage", "citations", "changes"),
        ("finding_probe_predicts_rag_gain", "finding_recall_value", "mirage2024", "selfrag2023"),
    ),
    Rule(
        "no_documents",
        needs_documents,
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "There are no documents (goal: {goal}; change: {changes}; citations: {citations}): nothing can be looked"
            " up, cited or kept fresh. Collect the documents first."
        ),
        ("goal", "corpus_tokens", "changes", "citations"),
    ),
    Rule(
        "misleading_documents",
        lambda a, t: (
            t.has_facts
            and a.retrieval is Retrieval.MISLEADING
            and not (t.has_light_examples or a.example_kind is ExampleKind.GENERATED)
        ),
        Outcome.NOT_YET,
        _PROMPT_FIRST,
        say(
            "Passages contradict the truth (retrieval: {retrieval}), and a model follows a wrong passage in a third to"
            " two thirds of cases even when it knew better. Clean the documents first; there are too few examples to"
            " train it to resist (examples: {examples})."
        ),
        ("goal", "retrieval", "examples"),
        ("finding_clasheval_follow", "finding_clasheval_breakeven", "finding_corpus_mismatch"),
    ),
    Rule(
        "misleading_passages",
        lambda a, t: (
            not t.has_facts
            and a.retrieval is Retrieval.MISLEADING
            and t.has_light_examples
            and not t.lacks_documents
        ),
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "Some passages contradict the truth (retrieval: {retrieval}); the examples can train the model to tell"
            " right from wrong passages (examples: {examples})."
        ),
        ("goal", "retrieval", "examples"),
        ("finding_distractor_training", "finetunerag2025", "instructrag2024"),
    ),
    Rule(
        "form_without_examples",
        lambda a, t: not t.has_facts and not t.has_light_examples and not (t.is_citable or t.is_changing),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "The goal is {goal}, but there are too few clean examples to train on (examples: {examples}; kind:"
            " {example_kind}): below 50 no result can be trusted, 100 allow a light adapter, 1,000 are comfortable."
            " Prompt with the best examples, enforce the form, and collect more."
        ),
        ("goal", "examples", "example_kind"),
        ("finding_few_shot_retrieval", "finding_prompt_first_format"),
    ),
    Rule(
        "form_at_ceiling",
        lambda a, t: (
            not t.has_facts
            and a.probe is not None
            and a.probe >= CEILING_PROBE
            and a.latency is not Latency.TIGHT
            and (a.volume or 0) < HIGH_VOLUME
            and not (t.is_citable or t.is_changing)
        ),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "Prompting already scores {probe}: training has next to nothing left to gain, and neither volume (queries"
            " per day: {volume}) nor latency ({latency}) asks for shorter prompts."
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
            "The goal is {goal}, and there are clean examples to learn it from (examples: {examples}; change:"
            " {changes}; citations: {citations}): form, style and procedure are what training is good at, and retrieval"
            " would only add noise."
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
            "The goal is {goal}, with examples to learn it from (examples: {examples}), but the facts in the answers"
            " change or must be cited (change: {changes}; citations: {citations}): look them up, train only the form."
        ),
        ("goal", "changes", "citations", "examples"),
        ("finding_clasheval_follow", "ovadia2023"),
    ),
    Rule(
        "short_documents",
        lambda a, t: t.has_facts and t.fits_prompt and not (a.goal is Goal.BOTH and t.has_light_examples),
        Outcome.PROMPT,
        _PROMPT_FIRST,
        say(
            "All documents together hold about {corpus_tokens} tokens: put them into the prompt. Nothing can be missed"
            " by retrieval, and there is no index to run."
        ),
        ("corpus_tokens", "goal"),
        ("finding_lc_vs_rag",),
    ),
    Rule(
        "several_kinds_of_question",
        has_several_intents,
        Outcome.ROUTED,
        _BOTH_FIRST,
        say(
            "The questions need different treatment (kinds of question: {intents}; change: {changes}), and there are"
            " examples to learn the routes from (examples: {examples}): give each kind its own."
        ),
        ("goal", "intents", "changes", "examples"),
        ("finding_mallen", "finding_lc_vs_rag"),
    ),
    Rule(
        "generated_examples_outrun_documents",
        lambda a, t: (
            a.goal is Goal.BOTH
            and a.example_kind is ExampleKind.GENERATED
            and a.coverage in (Coverage.PARTLY, Coverage.CONFLICTING)
        ),
        Outcome.RAG,
        (Family.RAG, Family.PROMPT, Family.HYBRID, Family.FINE_TUNE),
        say(
            "The examples are not checked (kind: {example_kind}), and the documents hold the answers only in part or"
            " with contradictions (answers in the documents: {coverage}): training would teach mistakes. Start with"
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
            "The goal is {goal}, but there are too few examples to train the form on (examples: {examples}; kind:"
            " {example_kind}; a light adapter takes 100 checked or 1,000 generated ones). Retrieval brings the facts;"
            " prompt and grammar hold the form meanwhile."
        ),
        ("goal", "examples", "example_kind"),
        ("bha6kar2026", "finding_prompt_first_format", "finding_ft_faithfulness", "diliprc2025"),
    ),
    Rule(
        "both_but_reads_badly",
        lambda a, t: (
            a.goal is Goal.BOTH
            and (
                a.retrieval in (Retrieval.POOR, Retrieval.MISLEADING)
                or a.example_kind is ExampleKind.GENERATED
            )
        ),
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "The goal is {goal}, and there are examples (examples: {examples}; kind: {example_kind}); passages are"
            " noisy (retrieval: {retrieval}) or the examples come from the documents themselves, so train with the"
            " evidence among distractors."
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
            "The goal is {goal}: facts come from retrieval (change: {changes}), form and tone from a light adapter"
            " trained on your examples with the retrieved text (examples: {examples})."
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
            "A tuned model is at hand ({tuned_model}): use it as the reader and let retrieval bring the facts. Tuned"
            " readers with retrieval beat both the plain reader and the tuned model alone."
        ),
        ("goal", "tuned_model"),
        ("mirage2024", "parag2025", "lewis2020"),
    ),
    Rule(
        "facts_with_reading_examples",
        can_train_reader,
        Outcome.RAFT,
        _BOTH_FIRST,
        say(
            "The goal is {goal}; with your examples (examples: {examples}; kind: {example_kind}; model size:"
            " {model_size}; strict form: {strict_form}) the model can be trained to read retrieved passages, which"
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
            "The goal is {goal} (change: {changes}; citations: {citations}; examples: {examples}): facts belong into"
            " retrieval, and there is no behaviour gap that training would close."
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
            "The goal is {goal}, but the answers rest on facts that change or must be cited (change: {changes};"
            " citations: {citations}), and there are too few examples to train on (examples: {examples}): retrieve the"
            " facts, prompt the form."
        ),
        ("goal", "changes", "citations", "examples"),
    ),
)
"""In order: what is missing, what needs nothing, form, both, facts."""
