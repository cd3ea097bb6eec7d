"""The staged plan after a recommendation, and the triggers on which to decide again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowhow.advisor.answers import Answers, Change, Goal, Priority, Tri
from knowhow.advisor.outcomes import RETRIEVES, TRAINS, Outcome
from knowhow.advisor.text import Number, Text, say
from knowhow.advisor.traits import FULL_EXAMPLES, LIGHT_EXAMPLES, PROMPT_TOKENS


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: what to do, when it is done, and the command that does it ('' where it is people's work).

    `strategies` are the arms that the step builds or compares.
    """

    name: str
    title: Text
    action: Text
    done_when: Text
    command: str = ""
    strategies: tuple[str, ...] = ()


_PROMPT = Stage(
    "prompt_baseline",
    say("Prompt and grammar first"),
    say(
        "Write the instructions, put the best examples into the prompt, enforce the form with a grammar or schema."
    ),
    say("The prompt-only score is measured: everything later has to beat it."),
    "knowhow compare --strategies base,few_shot",
    ("base", "few_shot"),
)
_WHOLE = Stage(
    "documents_in_prompt",
    say("All documents into the prompt"),
    say("Put the whole text into the prompt and share its beginning between queries."),
    say("The score is measured, and the documents still fit."),
    "knowhow compare --strategies base,long_context",
    ("long_context",),
)
_COLLECT_DOCUMENTS = Stage(
    "collect_material",
    say("Collect what is missing"),
    say(
        "Gather documents that hold the answers and 50 real questions; mark for each question where its answer stands."
    ),
    say("At least 80 % of the questions have their evidence in the documents."),
    "knowhow ingest",
)
_RAG = Stage(
    "rag",
    say("RAG first"),
    say(
        "Ingest the documents, check that the evidence is found before judging the answers, cite every answer."
    ),
    say(
        "The evidence is among the hits for 9 of 10 questions, and RAG beats the prompt on held-out questions."
    ),
    "knowhow ingest && knowhow compare --strategies base,rag",
    ("rag",),
)
_REVIEW = Stage(
    "review",
    say("Log and review"),
    say(
        "Serve it to a few people, keep the answers, let a person judge wrong ones: wrong fact, or wrong form?"
    ),
    say("You know which share of failures is a knowledge gap and which a behaviour gap."),
    "knowhow serve && knowhow review",
)
_EXAMPLES = Stage(
    "collect_examples",
    say("Collect examples"),
    say(
        "Turn reviewed answers into examples; check form and facts of each, and hold out a part that is never trained on."
    ),
    say("{light} checked examples for a light adapter, {full} for a comfortable one."),
    "knowhow review",
)
_TRAIN = Stage(
    "train",
    say("Train the behaviour"),
    say(
        "Train a light adapter when failures are a behaviour gap; put the retrieved text into the training prompt if there is any."
    ),
    say("The adapter beats the best untrained strategy on held-out questions, with the interval above zero."),
    "knowhow compare --strategies few_shot,finetuned",
    ("finetuned",),
)
_HYBRID = Stage(
    "hybrid",
    say("Combine: RAG with a light adapter"),
    say(
        "Train with retrieved passages in the prompt, some of them distracting; compare with plain RAG on the same questions."
    ),
    say("It beats plain RAG on held-out questions without losing on facts."),
    "knowhow compare --strategies rag,finetuned_rag,raft",
    ("rag", "finetuned_rag", "raft"),
)
_ROUTE = Stage(
    "route",
    say("Route by intent"),
    say(
        "Label the kinds of question, choose the best strategy per kind on held-out questions, and keep RAG as the safe default."
    ),
    say("The routed strategy beats the best single one, and wrong routes are counted."),
    "knowhow compare --strategies rag,finetuned_rag,routed",
    ("routed",),
)
_AGAIN = Stage(
    "decide_again",
    say("Decide again"),
    say("Watch the triggers below and ask again when one fires."),
    say("Each release names the decision it rests on."),
    "knowhow advise --again",
)

_STAGES: Mapping[Outcome, tuple[Stage, ...]] = {
    Outcome.NOT_YET: (_PROMPT, _COLLECT_DOCUMENTS, _RAG, _REVIEW, _AGAIN),
    Outcome.PROMPT: (_PROMPT, _REVIEW, _EXAMPLES, _TRAIN, _AGAIN),
    Outcome.RAG: (_PROMPT, _RAG, _REVIEW, _EXAMPLES, _HYBRID, _AGAIN),
    Outcome.FINE_TUNE: (_PROMPT, _EXAMPLES, _TRAIN, _REVIEW, _AGAIN),
    Outcome.RAG_LIGHT: (_PROMPT, _RAG, _REVIEW, _EXAMPLES, _HYBRID, _AGAIN),
    Outcome.RAFT: (_PROMPT, _RAG, _REVIEW, _EXAMPLES, _HYBRID, _AGAIN),
    Outcome.ROUTED: (_PROMPT, _RAG, _REVIEW, _EXAMPLES, _HYBRID, _ROUTE, _AGAIN),
}


@dataclass(frozen=True, slots=True)
class Route:
    """One branch of a routed hybrid: which questions, treated how."""

    questions: Text
    strategy: str
    treatment: Text


def plan_stages(answers: Answers, outcome: Outcome) -> tuple[Stage, ...]:
    """Return the steps in order; the first one always measures the prompt, because everything later has to beat it."""
    stages = list(_STAGES[outcome])
    fits = answers.corpus_tokens is not None and 0 < answers.corpus_tokens <= PROMPT_TOKENS
    if outcome is Outcome.PROMPT and fits and answers.goal is not Goal.BEHAVIOUR:
        stages[0] = _WHOLE
    if outcome is Outcome.PROMPT and answers.goal is Goal.KNOWLEDGE:
        stages = [stage for stage in stages if stage not in (_EXAMPLES, _TRAIN)]
        stages.insert(1, _RAG)
    enough = FULL_EXAMPLES if outcome in (Outcome.RAFT, Outcome.ROUTED) else LIGHT_EXAMPLES
    if outcome in TRAINS and (answers.examples or 0) >= enough:
        stages = [stage for stage in stages if stage is not _EXAMPLES]
    if outcome in RETRIEVES and answers.priority is Priority.FORM and _HYBRID in stages:
        stages.remove(_REVIEW)
        stages.insert(stages.index(_HYBRID) + 1, _REVIEW)
    return tuple(_fill(stage) for stage in stages)


def plan_routes(answers: Answers, outcome: Outcome) -> tuple[Route, ...]:
    """Return the branches of a routed hybrid; empty for every other outcome.

    Stable knowledge may come from a tuned model alone only where nothing has to be cited, deleted or kept from readers.
    """
    if outcome is not Outcome.ROUTED:
        return ()
    is_free = (
        answers.citations is not Tri.YES and not answers.sensitivity and answers.changes is Change.STATIC
    )
    stable = (
        say("the tuned model, without retrieval")
        if is_free
        else say("the tuned model with retrieval, so that sources can be shown")
    )
    return (
        Route(
            say("stable knowledge: terms, basics, how things work"),
            "finetuned" if is_free else "finetuned_rag",
            stable,
        ),
        Route(
            say("recent and changing facts: literature, prices, rules of the day"),
            "rag",
            say("plain RAG on fresh documents, with citations"),
        ),
        Route(
            say("interpretation of guidelines in the house's form"),
            "finetuned_rag",
            say("RAG finds the guideline, a light adapter keeps form and caution"),
        ),
        Route(
            say("anything the router is unsure about"),
            "rag",
            say("plain RAG as the safe default, or hand over to a person"),
        ),
    )


def _fill(stage: Stage) -> Stage:
    if "{light}" not in stage.done_when.message:
        return stage
    text = stage.done_when.fill(light=Number(LIGHT_EXAMPLES), full=Number(FULL_EXAMPLES))
    return Stage(stage.name, stage.title, stage.action, text, stage.command, stage.strategies)
