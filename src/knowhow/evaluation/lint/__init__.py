"""Check examples before anything is spent on them: each finding names its rows, says why it matters and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from knowhow.evaluation.lint.balance import check_answerability, check_held_out, check_intents
from knowhow.evaluation.lint.content import check_coverage, check_forms, check_lengths, check_personal_data
from knowhow.evaluation.lint.findings import Finding, LintInputs, LintReport
from knowhow.evaluation.lint.repetition import describe_leaks, find_contradictions, find_repetitions
from knowhow.types import Example

_ORDER = {"error": 0, "warning": 1, "notice": 2}


def check_examples(examples: Sequence[Example], inputs: LintInputs | None = None) -> LintReport:
    """Return what is wrong with the examples, gravest first."""
    given = inputs or LintInputs()
    findings = [Finding("reading", "notice", f"{text}.", "Check these rows.") for text in given.notices]
    findings += find_repetitions(examples, given.split)
    findings += find_contradictions(examples)
    findings += check_forms(examples)
    findings += check_intents(examples, given.split)
    findings += check_answerability(examples)
    coverage = None
    if given.documents is not None:
        found, coverage = check_coverage(examples, given.documents, given.document_names)
        findings += found
    if given.find_personal_data is not None:
        findings += check_personal_data(examples, given.find_personal_data)
    if given.count_tokens is not None and given.window_tokens:
        findings += check_lengths(examples, given.count_tokens, given.window_tokens)
    elif given.window_unchecked:
        sentence = (
            "Whether the rows fit the model's window was not checked, because tokens could not be counted."
        )
        findings.append(Finding("too_long", "notice", sentence, given.window_unchecked))
    if given.split is not None:
        findings += check_held_out(given.split) + describe_leaks(given.split)
    located = [_locate(finding, given.lines) for finding in findings]
    return LintReport(
        tuple(sorted(located, key=lambda finding: _ORDER[finding.severity])),
        len(examples),
        len(given.split.train) if given.split else 0,
        len(given.split.held_out) if given.split else 0,
        dict(sorted(Counter(example.intent for example in examples if example.intent).items())),
        coverage,
    )


def _locate(finding: Finding, lines: Mapping[str, int]) -> Finding:
    return replace(finding, lines=tuple(lines[row] for row in finding.rows if row in lines))


__all__ = ["Finding", "LintInputs", "LintReport", "check_examples"]
