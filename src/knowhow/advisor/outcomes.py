"""What the advisor can recommend, when to choose it, and what it costs to have chosen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowhow.advisor.text import Text, say


class Outcome(StrEnum):
    """The seven recommendations."""

    PROMPT = "prompt_only"
    RAG = "start_with_rag"
    FINE_TUNE = "fine_tune"
    RAG_LIGHT = "rag_light_fine_tuning"
    RAFT = "raft"
    ROUTED = "routed_hybrid"
    NOT_YET = "not_yet"


class Family(StrEnum):
    """The four families that published comparisons measure."""

    PROMPT = "prompt"
    RAG = "rag"
    FINE_TUNE = "ft"
    HYBRID = "hybrid"


FAMILY_NAMES: Mapping[Family, Text] = {
    Family.PROMPT: say("prompt"),
    Family.RAG: say("RAG"),
    Family.FINE_TUNE: say("fine-tuning"),
    Family.HYBRID: say("RAG with fine-tuning"),
}

FAMILY: Mapping[Outcome, Family] = {
    Outcome.PROMPT: Family.PROMPT,
    Outcome.RAG: Family.RAG,
    Outcome.FINE_TUNE: Family.FINE_TUNE,
    Outcome.RAG_LIGHT: Family.HYBRID,
    Outcome.RAFT: Family.HYBRID,
    Outcome.ROUTED: Family.HYBRID,
    Outcome.NOT_YET: Family.PROMPT,
}

STRATEGY: Mapping[Outcome, str] = {
    Outcome.PROMPT: "few_shot",
    Outcome.RAG: "rag",
    Outcome.FINE_TUNE: "finetuned",
    Outcome.RAG_LIGHT: "finetuned_rag",
    Outcome.RAFT: "raft",
    Outcome.ROUTED: "routed",
    Outcome.NOT_YET: "undecided",
}
"""The strategy that a comparison runs for the outcome; whole documents in the prompt are `long_context`."""

RETRIEVES = frozenset({Outcome.RAG, Outcome.RAG_LIGHT, Outcome.RAFT, Outcome.ROUTED})
TRAINS = frozenset({Outcome.FINE_TUNE, Outcome.RAG_LIGHT, Outcome.RAFT, Outcome.ROUTED})


@dataclass(frozen=True, slots=True)
class Description:
    """An outcome in words."""

    title: Text
    choose_when: Text
    trade_offs: tuple[Text, ...]


DESCRIPTIONS: Mapping[Outcome, Description] = {
    Outcome.PROMPT: Description(
        say("Prompt only"),
        say(
            "Choose it when the model already knows or is given everything it needs: instructions, a few examples, an enforced"
            " output form, and short documents in full."
        ),
        (
            say("Works today, costs nothing up front, and is the baseline that everything else has to beat."),
            say(
                "Every query pays again for the instructions and examples in the prompt; long prompts are slow on a CPU."
            ),
            say("Behaviour stays as good as the model follows instructions; small models follow them badly."),
        ),
    ),
    Outcome.RAG: Description(
        say("Start with RAG"),
        say(
            "Choose it when answers stand in documents that change, must be cited, deleted or kept from some readers."
        ),
        (
            say("A changed document counts from the next query on, and every answer can show its source."),
            say(
                "The answer is only as good as retrieval: what is not found or not in the documents is lost."
            ),
            say("Each query carries the retrieved text, which costs tokens and prefill time."),
            say("Tone and form are only prompted, not learned."),
        ),
    ),
    Outcome.FINE_TUNE: Description(
        say("Fine-tune"),
        say(
            "Choose it when the form, style or procedure must change, the answer follows from the question alone, and there are"
            " clean examples."
        ),
        (
            say(
                "Short prompts, steady form, and a small model can do the work of a large one on a narrow task."
            ),
            say("Facts learned in training can't be cited, corrected or deleted; don't put facts there."),
            say(
                "Wrong examples are learned as faithfully as right ones; every change of behaviour means training again."
            ),
        ),
    ),
    Outcome.RAG_LIGHT: Description(
        say("RAG + light fine-tuning"),
        say(
            "Choose it when facts change or must be cited, and the answers must also keep a form or tone that prompting doesn't hold."
        ),
        (
            say("Knowledge stays live in the index, behaviour is pinned in a small adapter."),
            say(
                "Two things to maintain: the index, and examples with an adapter to retrain when behaviour changes."
            ),
            say(
                "Train with the retrieved text in the prompt: an adapter trained without it can unlearn to read."
            ),
        ),
    ),
    Outcome.RAFT: Description(
        say("RAFT (train to read retrieved evidence)"),
        say(
            "Choose it when retrieval works but the model reads badly: distracting or contradicting passages, a strict form, a small"
            " model."
        ),
        (
            say("The model learns to quote the right passage and to ignore the others."),
            say("Needs examples with their evidence, and hard wrong passages to train against."),
            say("For a model that already reads well the gain is a few points; measure before you keep it."),
        ),
    ),
    Outcome.ROUTED: Description(
        say("Hybrid routed by intent"),
        say(
            "Choose it when questions fall into kinds that need different treatment: stable explanation, fresh facts, and"
            " interpretation in a fixed form."
        ),
        (
            say("Each kind of question gets the cheapest treatment that works for it."),
            say("The router itself can be wrong and needs its own test and a safe default route."),
            say("More parts to watch: a change in one route must not be judged by the average over all."),
        ),
    ),
    Outcome.NOT_YET: Description(
        say("Not yet"),
        say(
            "Choose it when what every approach needs is missing: documents that hold the answers, or examples."
        ),
        (
            say("Nothing built on missing material can be better than the model alone, and it may be worse."),
            say("Collecting documents and real questions costs days, and is needed for every later step."),
        ),
    ),
}
