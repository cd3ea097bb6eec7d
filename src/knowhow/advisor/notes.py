"""Cautions that the finer answers bring."""

from __future__ import annotations

from knowhow.advisor.answers import Answers, Latency, Reasoning, Sensitivity, Tri
from knowhow.advisor.text import Number, Text, say


def detectable_points(questions: int) -> float:
    """Return the paired difference in points that `questions` show at 5 % error and 80 % power when 30 % of pairs disagree."""
    return 280 * float((0.3 / questions) ** 0.5)


def find_notes(answers: Answers, *, retrieves: bool = True) -> tuple[Text, ...]:
    """Return the cautions that the finer answers bring; those about retrieval only where the outcome `retrieves`."""
    a, notes = answers, []
    if a.examples is not None and 0 < a.examples < 50:
        notes.append(
            say(
                "{examples} examples are too few to train on, and too few to measure with: held out, they show differences of about {points}"
                " points or more. Use them as examples in the prompt; at 100 train a light adapter, and hold out 100 more for a fair test.",
                examples=Number(a.examples),
                points=Number(min(100.0, detectable_points(a.examples))),
            )
        )
    if a.multi_hop is Tri.YES:
        notes.append(
            say(
                "Answers join several passages: single-pass retrieval gained on one published multi-hop set and lost on the other."
                " Test retrieval in steps, and promise no gain."
            )
        )
    if a.reasoning is Reasoning.DEEP:
        notes.append(
            say(
                "Answers have to be worked out: try a larger model or worked steps in the examples before judging retrieval or training."
            )
        )
    notes.extend(_note_duties(a))
    if a.offline is Tri.YES or Sensitivity.ON_PREMISE in a.sensitivity:
        notes.append(
            say(
                "It must run on own machines: costs are counted per machine hour, and a small tuned model is the first candidate."
            )
        )
    if any(not code.lower().startswith("en") for code in a.languages):
        notes.append(
            say(
                "Not everything is English: set a model that speaks {languages}; lexical retrieval is strong in Chinese and Japanese.",
                languages=", ".join(a.languages),
            )
        )
    if a.latency is Latency.TIGHT and not retrieves:
        notes.append(
            say(
                "Latency is tight: share the prompt's beginning, limit answer length, and choose a small model."
            )
        )
    elif a.latency is Latency.TIGHT:
        notes.append(
            say(
                "Latency is tight: retrieve fewer and shorter passages, share the prompt's beginning, and limit answer length."
            )
        )
    return tuple(notes)


def _note_duties(a: Answers) -> list[Text]:
    notes = []
    if Sensitivity.PERSONAL_DATA in a.sensitivity:
        notes.append(
            say(
                "Mask personal data before indexing and before training; both ways can leak what they were given."
            )
        )
    if Sensitivity.PERMISSIONS in a.sensitivity:
        notes.append(
            say("Filter by the reader's rights before retrieval, and never train on restricted documents.")
        )
    if Sensitivity.DELETION in a.sensitivity:
        notes.append(
            say(
                "Keep a list of the examples each adapter learned from, so that a deletion also retires the adapter."
            )
        )
    return notes
