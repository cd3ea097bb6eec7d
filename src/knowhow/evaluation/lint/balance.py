"""Whether there are enough rows of every sort, on both sides of the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from knowhow.evaluation.lint.findings import Finding
from knowhow.evaluation.splits import Split
from knowhow.types import Example

_FEW_ROWS = 5
_FEW_HELD_OUT = 30


def check_intents(examples: Sequence[Example], split: Split | None) -> list[Finding]:
    """Find intents with too few rows and intents that no held-out row has."""
    findings = []
    intents = Counter(example.intent for example in examples if example.intent)
    if len(intents) < 2:
        return []
    rare = sorted(name for name, count in intents.items() if count < _FEW_ROWS)
    if rare:
        findings.append(
            Finding(
                "rare_intent",
                "notice",
                f"{len(rare)} of {len(intents)} intents have fewer than {_FEW_ROWS} rows ({_list(rare)}); "
                "nothing can be said about them one by one.",
                "Add rows for these intents or merge them.",
                tuple(example.id for example in examples if example.intent in rare),
            )
        )
    held_out = set(split.held_out) if split else set()
    tested = {example.intent for example in examples if example.id in held_out}
    untested = sorted(intents.keys() - tested) if split else []
    if untested:
        findings.append(
            Finding(
                "untested_intent",
                "warning",
                f"No held-out row has the intent{'s' if len(untested) > 1 else ''} {_list(untested)}.",
                "Add rows of these intents about other documents.",
                tuple(example.id for example in examples if example.intent in untested),
            )
        )
    return findings


def check_answerability(examples: Sequence[Example]) -> list[Finding]:
    """Find out whether abstaining can be measured and whether it would be flattered."""
    unanswerable = tuple(example.id for example in examples if not example.is_answerable)
    if not unanswerable:
        return [
            Finding(
                "no_unanswerable",
                "notice",
                "No row is marked 'answerable': false, so whether a strategy abstains rightly is not measured.",
                "Add some questions that the documents do not answer.",
            )
        ]
    if len(unanswerable) <= len(examples) / 2:
        return []
    return [
        Finding(
            "mostly_unanswerable",
            "warning",
            f"{len(unanswerable)} of {len(examples)} rows have no answer: a strategy that always abstains would look good.",
            "Add rows that can be answered.",
            unanswerable,
        )
    ]


def check_held_out(split: Split) -> list[Finding]:
    """Warn when the held-out rows are too few to show any but a huge difference."""
    count = len(split.held_out)
    if count >= _FEW_HELD_OUT:
        return []
    # A paired difference of scores spread by about 0.5 is found with 80 % power from 2.8 standard errors.
    points = min(100, round(140 / max(count, 1) ** 0.5))
    return [
        Finding(
            "few_held_out",
            "warning",
            f"Only {count} rows are held out; differences under about {points} points cannot be shown.",
            "Add examples; 100 held-out rows are a good start.",
        )
    ]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
