"""Rows that repeat, contradict or give away each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from knowhow.evaluation.duplicates import find_near_duplicates, normalise
from knowhow.evaluation.lint.findings import Finding, Severity
from knowhow.evaluation.splits import Split
from knowhow.types import Example


def find_repetitions(examples: Sequence[Example], split: Split | None) -> list[Finding]:
    """Find rows that repeat others word for word, and questions that are nearly the same."""
    held_out = set(split.held_out) if split else set()
    findings = []
    equal: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for example in examples:
        answers = tuple(sorted(normalise(text) for text in example.references))
        equal[normalise(example.question), answers].append(example.id)
    repeated = [rows for rows in equal.values() if len(rows) > 1]
    if repeated:
        extra = sum(len(rows) - 1 for rows in repeated)
        crossing = [rows for rows in repeated if 0 < sum(row in held_out for row in rows) < len(rows)]
        findings.append(
            Finding(
                "duplicate",
                "error" if crossing else "warning",
                f"{extra} rows repeat another row word for word"
                + (
                    f", {len(crossing)} of them across the split: the test would ask what was trained on."
                    if crossing
                    else "; they count twice in every average."
                ),
                "Delete the repetitions.",
                tuple(row for rows in repeated for row in rows),
            )
        )
    known = {frozenset((one, other)) for rows in repeated for one in rows for other in rows if one != other}
    pairs = [
        pair
        for pair in find_near_duplicates({example.id: example.question for example in examples})
        if frozenset(pair[:2]) not in known
    ]
    if pairs:
        findings.append(
            Finding(
                "near_duplicate",
                "notice",
                f"{len(pairs)} pairs of questions are nearly the same; the split keeps such rows on one side unless they name theirs.",
                "Keep both only where the answers differ for a reason.",
                tuple(dict.fromkeys(row for one, other, _ in pairs for row in (one, other))),
            )
        )
    return findings


def find_contradictions(examples: Sequence[Example]) -> list[Finding]:
    """Find questions asked more than once without a common answer."""
    asked: dict[tuple[str, frozenset[str]], list[Example]] = defaultdict(list)
    for example in examples:
        asked[normalise(example.question), example.groups].append(example)
    clashing = [rows for rows in asked.values() if len(rows) > 1 and _contradict(rows)]
    if not clashing:
        return []
    return [
        Finding(
            "contradiction",
            "error",
            f"{len(clashing)} questions are asked more than once with different answers; no strategy can be right on all of them.",
            "Decide on one answer, or list all accepted answers in one row under 'references'.",
            tuple(example.id for rows in clashing for example in rows),
        )
    ]


def _contradict(rows: Sequence[Example]) -> bool:
    if len({example.is_answerable for example in rows}) > 1:
        return True
    answers = [{normalise(text) for text in example.references} for example in rows if example.is_answerable]
    return any(not one & other for place, one in enumerate(answers) for other in answers[place + 1 :])


def describe_leaks(split: Split) -> list[Finding]:
    """Turn the leaks of a split into findings."""
    findings = []
    for kind, severity, sentence in (
        (
            "question",
            "error",
            "held-out rows nearly repeat a training question: fine-tuned strategies would look better than they are.",
        ),
        (
            "evidence",
            "notice",
            "documents are evidence on both sides of the split: this measures new questions about known documents, "
            "not questions about unknown ones.",
        ),
    ):
        leaks = [leak for leak in split.leaks if leak.kind == kind]
        if leaks:
            count = len({leak.held_out_id for leak in leaks}) if kind == "question" else len(leaks)
            level: Severity = "error" if severity == "error" else "notice"
            findings.append(
                Finding(
                    f"leak_{kind}",
                    level,
                    f"{count} {sentence}",
                    "Remove the 'split' of these rows, so that KnowHow keeps them together.",
                    tuple(dict.fromkeys(row for leak in leaks for row in (leak.train_id, leak.held_out_id))),
                )
            )
    return findings
