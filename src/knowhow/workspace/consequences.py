"""What feedback asks for next: comparing or training again once enough corrections have come in, and what that is expected to change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from knowhow.config import Settings
from knowhow.errors import DataError, NotFoundError
from knowhow.releases.feedback import ACCEPTED, Item
from knowhow.storage import read_json
from knowhow.types import Example
from knowhow.workspace.feedback import feedback_log
from knowhow.workspace.personal_data import mask_examples
from knowhow.workspace.release import catalog

LEAST_ROWS, LEAST_SHARE = 20, 0.1
"""From so many corrected rows on, or from this share of the examples on, another comparison can be expected to say something new."""
_NAMED_INTENTS = 5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to do next and why; `action` is compare, train or wait.

    `rows` are accepted corrections that the newest comparison has not seen, `held_out` and `training` how they will be divided, `wrong` how
    many of them corrected a wrong answer of the champion. `detectable_before` and `detectable_after` are the differences that a comparison
    can show with 80 % power, None where no comparison is known.
    """

    action: str
    headline: str
    reasons: tuple[str, ...] = ()
    rows: int = 0
    held_out: int = 0
    training: int = 0
    wrong: int = 0
    waiting: int = 0
    intents: Mapping[str, int] = field(default_factory=dict, hash=False)
    detectable_before: float | None = None
    detectable_after: float | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the newest comparison saw."""

    run: str
    examples: frozenset[str]
    held_out: int
    questions: int
    metric: str
    detectable: float | None


def suggest(settings: Settings) -> Suggestion | None:
    """Return what the feedback since the newest comparison asks for; None without any feedback."""
    items = feedback_log(settings).items()
    if not items:
        return None
    measured = _newest(settings)
    known = measured.examples if measured else frozenset()
    new = [item for item in items if item.example and item.example not in known]
    waiting = sum(item.state != ACCEPTED for item in items)
    examples = _examples(settings)
    needed = max(1, min(LEAST_ROWS, math.ceil(LEAST_SHARE * max(len(examples), 1))))
    if len(new) < needed:
        return Suggestion(
            "wait",
            f"{len(new)} accepted corrections have come in since the newest comparison; from {needed} on it is worth comparing again.",
            rows=len(new),
            waiting=waiting,
        )
    return _describe(settings, new, examples, measured, waiting)


def _describe(
    settings: Settings,
    new: list[Item],
    examples: Mapping[str, Example],
    measured: _Measured | None,
    waiting: int,
) -> Suggestion:
    sides = _sides(settings, examples)
    held_out = sum(sides.get(item.example) == "held_out" for item in new)
    training = sum(sides.get(item.example) == "train" for item in new)
    wrong = sum(item.decisive is not None and item.decisive.verdict != "right" for item in new)
    intents = Counter(
        examples[item.example].intent or "no intent" for item in new if item.example in examples
    )
    before, after = _detectable(measured, held_out)
    learns = _champion_learns(settings)
    share = training / max(1, sum(side == "train" for side in sides.values()))
    action = "train" if learns and share >= LEAST_SHARE else "compare"
    reasons = [
        f"{len(new)} accepted corrections are new to the comparison: {held_out} become held-out questions, {training} training rows.",
        f"{wrong} of them corrected an answer that was wrong or named a wrong source.",
    ]
    if intents:
        named = ", ".join(f"{name} {count}" for name, count in intents.most_common(_NAMED_INTENTS))
        reasons.append(f"By intent: {named}.")
    if before is not None and after is not None and measured is not None:
        reasons.append(
            f"With them a comparison can show a difference of {after:.3f} in {measured.metric} (80 % power); the newest one could show {before:.3f}."
        )
    if action == "train":
        reasons.append(
            f"The champion learns from examples, and {share:.0%} of its training rows would be new: comparing again trains it anew."
        )
    if waiting:
        reasons.append(f"{waiting} reactions still wait for a review.")
    verb = "Train and compare again" if action == "train" else "Compare again"
    return Suggestion(
        action,
        f"{verb} (knowhow compare): {len(new)} corrections have come in since the newest comparison.",
        tuple(reasons),
        len(new),
        held_out,
        training,
        wrong,
        waiting,
        dict(intents.most_common()),
        before,
        after,
    )


def _newest(settings: Settings) -> _Measured | None:
    from knowhow.evaluation.runs import find_run

    try:
        run: Path = find_run(settings.state / "runs")
    except NotFoundError:
        return None
    split, report = run / "split.json", run / "report.json"
    if not split.is_file() or not report.is_file():
        return None
    divided, value = read_json(split), read_json(report)
    return _Measured(
        run.name,
        frozenset([*divided["train"], *divided["held_out"]]),
        len(divided["held_out"]),
        int(value.get("questions") or 0),
        str(value.get("decisive", "")),
        value.get("detectable"),
    )


def _detectable(measured: _Measured | None, held_out: int) -> tuple[float | None, float | None]:
    """The spread stays what it was, so what can be shown shrinks with the root of the number of questions."""
    if measured is None or not measured.detectable or not measured.questions:
        return None, None
    after = measured.detectable * math.sqrt(measured.questions / (measured.questions + held_out))
    return measured.detectable, after


def _sides(settings: Settings, examples: Mapping[str, Example]) -> dict[str, str]:
    from knowhow.evaluation.splits import split_examples

    try:
        split = split_examples(list(examples.values()), settings.examples.held_out)
    except DataError:
        return {}
    return {**dict.fromkeys(split.train, "train"), **dict.fromkeys(split.held_out, "held_out")}


def _examples(settings: Settings) -> dict[str, Example]:
    from knowhow.evaluation.examples import read_examples

    path = settings.root / settings.examples.path
    if not path.exists():
        return {}
    try:
        return {example.id: example for example in mask_examples(settings, read_examples(path).examples)}
    except DataError:
        return {}


def _champion_learns(settings: Settings) -> bool:
    releases = catalog(settings)
    champion = releases.standing().champion
    return bool(champion) and releases.get(champion).learns
