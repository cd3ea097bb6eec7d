"""What stands in the answers: their form, whether documents hold them, personal data, and length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from knowhow.evaluation.answer_forms import describe_form, find_form
from knowhow.evaluation.coverage import find_uncovered
from knowhow.evaluation.lint.findings import CountTokens, Finding, FindPersonalData
from knowhow.types import Example

_MINORITY_FORM = 0.25


def check_forms(examples: Sequence[Example]) -> list[Finding]:
    """Find answers whose form differs from the form of most."""
    rows: dict[str, list[str]] = defaultdict(list)
    answered = [example for example in examples if example.is_answerable and example.references]
    for example in answered:
        rows[find_form(example.references[0])].append(example.id)
    if len(rows) < 2:
        return []
    main = max(rows, key=lambda form: (len(rows[form]), form))
    others = {form: found for form, found in rows.items() if form != main}
    few = [row for found in others.values() for row in found]
    share = len(few) / len(answered)
    kinds = ", ".join(f"{len(found)} as {describe_form(form)}" for form, found in sorted(others.items()))
    is_stray = share <= _MINORITY_FORM
    return [
        Finding(
            "mixed_format",
            "warning" if is_stray else "notice",
            f"Most answers are {describe_form(main)}, but {len(few)} of {len(answered)} ({share:.0%}) are not: {kinds}. "
            + (
                "Fine-tuning learns such strays: in a published case 8 % of them were enough to break the form."
                if is_stray
                else "If one form is wanted, fine-tuning on these rows will not produce it."
            ),
            "Rewrite these answers in the main form, or leave the rows out.",
            tuple(few),
        )
    ]


def check_coverage(
    examples: Sequence[Example], documents: Mapping[str, str], names: Collection[str] = ()
) -> tuple[list[Finding], float | None]:
    """Find answers that stand in no document and evidence that names none; also return the covered share."""
    answerable = [example for example in examples if example.is_answerable]
    if not documents:
        return [
            Finding(
                "no_documents",
                "notice",
                "There are no documents, so retrieval cannot help; only the model's own knowledge and training can.",
                "Put documents into the documents folder and run: knowhow ingest",
            )
        ], None
    result = find_uncovered(answerable, documents, names)
    findings = []
    if result.uncovered:
        share = len(result.uncovered) / len(answerable)
        findings.append(
            Finding(
                "answer_not_in_documents",
                "warning" if share <= 0.5 else "error",
                f"The answer of {len(result.uncovered)} of {len(answerable)} answerable rows ({share:.0%}) stands in no document; "
                "retrieval cannot find it.",
                "Add the documents that hold these answers, or mark the rows 'answerable': false.",
                result.uncovered,
            )
        )
    if result.unknown_documents:
        rows = tuple(result.unknown_documents)
        names = sorted(set(result.unknown_documents.values()))
        findings.append(
            Finding(
                "unknown_evidence",
                "warning",
                f"{len(rows)} rows name evidence that is no ingested document ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''}).",
                "Correct the names, or ingest these documents.",
                rows,
            )
        )
    return findings, result.share


def check_personal_data(examples: Sequence[Example], find: FindPersonalData) -> list[Finding]:
    """Find rows that hold personal data."""
    rows: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        for kind in sorted({kind for text in (example.question, *example.references) for kind in find(text)}):
            rows[kind].append(example.id)
    return [
        Finding(
            "personal_data",
            "warning",
            f"{len(found)} rows hold personal data of the kind {kind}; an adapter trained on them can repeat it.",
            "Mask it in the examples, or set [privacy] mode = 'mask'.",
            tuple(found),
        )
        for kind, found in sorted(rows.items())
    ]


def check_lengths(examples: Sequence[Example], count: CountTokens, window: int) -> list[Finding]:
    """Find rows that hardly fit the model's window."""
    counts = count(
        [
            f"{example.question}\n{max(example.references, key=len) if example.references else ''}"
            for example in examples
        ]
    )
    long = tuple(
        example.id for example, tokens in zip(examples, counts, strict=True) if tokens > 0.75 * window
    )
    if not long:
        return []
    return [
        Finding(
            "too_long",
            "error" if any(tokens > window for tokens in counts) else "warning",
            f"{len(long)} rows fill more than three quarters of the model's window of {window} tokens with question and answer alone.",
            "Shorten them, or choose a generator with a larger window.",
            long,
        )
    ]
