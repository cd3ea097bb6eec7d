"""What a check of examples returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from knowhow.evaluation.splits import Split

Severity = Literal["error", "warning", "notice"]
FindPersonalData = Callable[[str], Iterable[str]]
"""Returns the kinds of personal data found in a text, such as `email`."""
CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: `rows` are example ids, `lines` where they stand in the file."""

    kind: str
    severity: Severity
    sentence: str
    mend: str
    rows: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LintReport:
    """Every finding, gravest first, with the counts a reader wants to see."""

    findings: tuple[Finding, ...]
    examples: int
    train: int
    held_out: int
    intents: Mapping[str, int] = field(default_factory=dict, hash=False)
    coverage: float | None = None

    @property
    def has_errors(self) -> bool:
        """Say whether a comparison on these examples would mislead."""
        return any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class LintInputs:
    """What lint may look at besides the examples; what is absent is not checked.

    `window_unchecked` says why nobody can count tokens, where the rows' length should have been checked.
    """

    documents: Mapping[str, str] | None = None
    document_names: frozenset[str] = frozenset()
    split: Split | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    find_personal_data: FindPersonalData | None = None
    count_tokens: CountTokens | None = None
    window_tokens: int = 0
    window_unchecked: str = ""
    notices: tuple[str, ...] = ()
