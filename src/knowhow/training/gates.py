"""Gates that a trained adapter must pass before it may be recommended: measured figures with their limits, for the report to show."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from knowhow.language import words
from knowhow.protocols import Embedder, Generator
from knowhow.types import Answer, Decoding, Example, Gate, Message, Role

if TYPE_CHECKING:
    from knowhow.training.rows import TrainingRow

LINT, SKILL, SLICE, LEAKAGE, MARGIN, REFUSALS = (
    "lint",
    "general_skill",
    "out_of_distribution",
    "leakage",
    "margin",
    "refusals",
)
REQUIRED = (LINT, MARGIN, SKILL, SLICE, LEAKAGE)
"""Gates that close the way to a recommendation; each may be overruled by its name in [training] overrule."""
SKILL_TOLERANCE = 0.15
"""Share of the general-skill items that an adapter may lose: six of forty, about two standard errors of the paired difference."""
REFUSAL_TOLERANCE = 0.1
SLICE_TOLERANCE = 0.05
NEAR_DUPLICATE = 0.8
_LEAST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out question that training has seen, word for word or nearly; `similarity` is 1 for the same words."""

    held_out: str
    training: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Skill:
    """A general question with the answers that count."""

    question: str
    accepted: tuple[str, ...]


def read_skills() -> list[Skill]:
    """Return the shipped general-skill items (English)."""
    text = files("knowhow.training").joinpath("data/skills.jsonl").read_text(encoding="utf-8")
    rows = (json.loads(line) for line in text.splitlines())
    return [Skill(row["question"], tuple(row["accepted"])) for row in rows]


def measure_skills(generator: Generator, skills: Sequence[Skill]) -> float:
    """Return the share of skills whose greedy answer holds an accepted answer as whole words."""
    conversations = [(Message(Role.USER, skill.question),) for skill in skills]
    completions = generator.generate(conversations, Decoding(max_tokens=32))
    hits = [
        any(_holds(completion.text, accepted) for accepted in skill.accepted)
        for skill, completion in zip(skills, completions, strict=True)
    ]
    return sum(hits) / len(hits)


def gate_skills(before: float, after: float, tolerance: float = SKILL_TOLERANCE) -> Gate:
    """Check that general skill did not fall by more than `tolerance`."""
    reason = f"General skill {before:.2f} before and {after:.2f} after training; at most {tolerance:.2f} may be lost."
    mend = "Train more gently: a lower [training] learning_rate, fewer epochs or layers, or another strategy."
    return Gate(
        SKILL,
        after >= before - tolerance,
        reason,
        mend,
        value=after,
        limit=before - tolerance,
        before=before,
    )


def gate_lint(problems: Collection[str], overruled: Collection[str] = ()) -> Gate:
    """Check that the examples are clean; `lint` overrules every kind of problem, `lint.<kind>` that one."""
    kinds = set(problems)
    accepted = kinds if LINT in overruled else {kind for kind in kinds if f"{LINT}.{kind}" in overruled}
    left = sorted(kinds - accepted)
    reason = (
        f"The examples have unresolved problems: {', '.join(left)}." if left else "The examples are clean."
    )
    if accepted:
        reason = f"{reason if left else ''} Overruled by name: {', '.join(sorted(accepted))}.".strip()
    mend = "See knowhow data check for the rows, mend them and train again."
    return Gate(
        LINT,
        not kinds,
        reason,
        mend,
        value=float(len(left)),
        limit=0.0,
        is_overruled=bool(accepted) and not left,
    )


def gate_leaks(leaks: Sequence[Leak]) -> Gate:
    """Check that no held-out question was trained on."""
    reason = "No held-out question was seen in training."
    if leaks:
        first = leaks[0]
        reason = (
            f"{len(leaks)} held-out questions were seen in training, first '{first.held_out}' as '{first.training}' "
            f"(similarity {first.similarity:.2f})."
        )
    mend = "Remove one of each pair, or the 'split' of these rows, so that they are kept together."
    return Gate(LEAKAGE, not leaks, reason, mend, value=float(len(leaks)), limit=0.0)


def find_leaks(
    rows: Sequence[TrainingRow], training: Sequence[Example], held_out: Sequence[Example]
) -> list[Leak]:
    """Return held-out examples that training has seen: their id, their question verbatim in any turn, or a near-duplicate.

    Near means Jaccard's similarity of at least `NEAR_DUPLICATE` over word trigrams (words, where a question is shorter) with a
    training question. A row's text counts whoever it was made from, so that synthetic rows are checked too.
    """
    touched = {name for row in rows for name in row.examples}
    verbatim = _find_verbatim(rows, held_out)
    seen = {item.id: _grams(item.question) for item in training if item.id in touched}
    places: dict[str, set[str]] = {}
    for name, grams in seen.items():
        for gram in grams:
            places.setdefault(gram, set()).add(name)
    leaks = []
    for example in held_out:
        if example.id in touched:
            leaks.append(Leak(example.id, example.id, 1.0))
            continue
        if example.id in verbatim:
            leaks.append(Leak(example.id, verbatim[example.id], 1.0))
            continue
        grams = _grams(example.question)
        near = {name for gram in grams for name in places.get(gram, ())}
        scored = [(len(grams & seen[name]) / len(grams | seen[name]), name) for name in sorted(near)]
        best = max(scored, default=(0.0, ""))
        if best[0] >= NEAR_DUPLICATE:
            leaks.append(Leak(example.id, best[1], best[0]))
    return leaks


def _find_verbatim(rows: Sequence[TrainingRow], held_out: Sequence[Example]) -> dict[str, str]:
    """Return, for held-out examples whose question is or ends a turn that was asked in training, the row that asks it."""
    asked: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        name = row.examples[0] if row.examples else f"row {number}"
        for message in row.conversation:
            if message.role is Role.USER:
                asked.setdefault(" ".join(words(message.content)), name)
    found = {}
    for example in held_out:
        tokens = words(example.question)
        question = " ".join(tokens)
        # Prompts end with the question, behind passages and a label; one of a few words may end another by chance.
        ending = f" {question}" if len(tokens) >= _LEAST_WORDS else ""
        for text, name in asked.items():
            if question and (text == question or (ending and text.endswith(ending))):
                found[example.id] = name
                break
    return found


def refusal_rate(examples: Sequence[Example], answers: Mapping[str, Answer]) -> float | None:
    """Return the share of unanswerable examples that were refused; None when there are none."""
    asked = [answers[item.id] for item in examples if not item.is_answerable and item.id in answers]
    return sum(answer.abstained for answer in asked) / len(asked) if asked else None


def gate_refusals(before: float | None, after: float | None, tolerance: float = REFUSAL_TOLERANCE) -> Gate:
    """Report whether training unlearned to refuse; it closes nothing, because the decisive metric already counts wrong refusals."""
    if before is None or after is None:
        reason = "No unanswerable question was asked, so refusals are unknown."
        return Gate(REFUSALS, True, reason, is_required=False)
    reason = f"Unanswerable questions were refused at a rate of {before:.2f} without and {after:.2f} with training."
    mend = "Train with more unanswerable examples ([strategy.raft] refusals), or raise [retrieval] threshold."
    return Gate(
        REFUSALS,
        after >= before - tolerance,
        reason,
        mend,
        value=after,
        limit=before - tolerance,
        before=before,
        is_required=False,
    )


def find_distant(
    held_out: Sequence[Example], training: Sequence[Example], embedder: Embedder, share: float = 0.25
) -> list[str]:
    """Return ids of the held-out examples that are least like any training question: the out-of-distribution slice.

    Questions of intents that training never saw come first, then those of the lowest cosine to their nearest training question.
    """
    if not held_out or not training:
        return []
    intents = {item.intent for item in training}
    nearest = (
        embedder.embed([item.question for item in held_out])
        @ embedder.embed([item.question for item in training]).T
    ).max(axis=1)
    order = sorted(
        range(len(held_out)),
        key=lambda number: (held_out[number].intent in intents, float(nearest[number]), held_out[number].id),
    )
    return [held_out[number].id for number in order[: max(1, round(share * len(held_out)))]]


def gate_slice(
    slice_ids: Collection[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    tolerance: float = SLICE_TOLERANCE,
) -> Gate:
    """Check that the mean score on a slice did not fall by more than `tolerance` against another strategy."""
    shared = [name for name in slice_ids if name in before and name in after]
    if not shared:
        return Gate(SLICE, True, "No question lies outside the training distribution.")
    old = sum(before[name] for name in shared) / len(shared)
    new = sum(after[name] for name in shared) / len(shared)
    reason = (
        f"On the {len(shared)} questions least like the training examples the score was {old:.2f} without and {new:.2f} with "
        f"training; at most {tolerance:.2f} may be lost."
    )
    mend = "Add training examples of that kind, or train more gently."
    return Gate(SLICE, new >= old - tolerance, reason, mend, value=new, limit=old - tolerance, before=old)


def _holds(text: str, accepted: str) -> bool:
    return f" {' '.join(words(accepted))} " in f" {' '.join(words(text))} "


def _grams(text: str) -> set[str]:
    tokens = words(text)
    if len(tokens) < 3:
        return set(tokens)
    return {" ".join(tokens[place : place + 3]) for place in range(len(tokens) - 2)}
