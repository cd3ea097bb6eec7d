"""From feedback to examples: an accepted correction becomes a row of the examples file, and the row says where it came from."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knowhow.config import Settings
from knowhow.errors import NotFoundError, PolicyError
from knowhow.releases.feedback import FeedbackLog, Item, Review, paired_verdicts
from knowhow.storage import locked, write_bytes
from knowhow.types import Interval
from knowhow.workspace.audit import REVIEWED, AuditLog
from knowhow.workspace.personal_data import mask_text


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two reviewers agree on the same answers: the share, and Cohen's kappa with its interval."""

    items: int
    share: float
    kappa: Interval


def feedback_log(settings: Settings) -> FeedbackLog:
    """The feedback of a workspace."""
    return FeedbackLog(settings.state / "feedback", settings.serve.reviewers)


def review_feedback(settings: Settings, review: Review, documents: Collection[str]) -> Item:
    """Keep a verdict; once enough reviewers agree on what is right, the examples file gets a row.

    `documents` are ids of those that the reviewer may read: NotFoundError for another one as evidence, PolicyError where the
    examples file cannot take a row.
    """
    if review.document and review.document not in documents:
        raise NotFoundError(
            f"There is no document {review.document[:120]!r} that you may read. See: knowhow list documents"
        )
    log = feedback_log(settings)
    path = settings.root / settings.examples.path
    if path.exists() and (path.is_dir() or path.suffix.lower() not in {".jsonl", ".ndjson"}):
        raise PolicyError(
            f"Corrections are added to JSON lines only, and [examples] path names {path.name}. Convert it to a .jsonl file first."
        )
    masked = replace(
        review,
        answer=mask_text(settings, review.answer),
        quote=mask_text(settings, review.quote),
        note=mask_text(settings, review.note),
    )
    item = log.review(masked)
    AuditLog(settings).record(REVIEWED, review.feedback, by=review.by, verdict=review.verdict)
    row = example_row(item)
    if row is None:
        return item
    with locked(settings.state / "examples.lock", purpose="adding an example", wait_seconds=10.0):
        add_row(path, row)
        log.mark_example(item.feedback.id, row["id"])
    return log.get(item.feedback.id)


def example_row(item: Item) -> dict[str, Any] | None:
    """Return the example that an accepted item teaches, None where it teaches none (a bare thumb, a verdict without an answer)."""
    decisive, feedback = item.decisive, item.feedback
    if decisive is None:
        return None
    answer = feedback.answer if decisive.verdict in ("right", "wrong_source") else decisive.answer
    if decisive.verdict == "wrong_source" and not decisive.document:
        return None
    if not answer:
        return None
    evidence = [{"document": decisive.document, "quote": decisive.quote}] if decisive.document else []
    if decisive.verdict == "right":
        evidence = [{"document": cited.document, "quote": cited.quote} for cited in feedback.citations]
    return {
        "id": f"feedback-{feedback.id}",
        "question": feedback.question,
        "answers": [answer],
        "evidence": evidence,
        "groups": list(feedback.groups),
        "metadata": {
            "feedback": feedback.id,
            "release": feedback.release,
            "index_version": feedback.index_version,
            "said_by": feedback.by,
            "reviewed_by": [entry.by for entry in item.reviews],
            "accepted": decisive.time,
        },
    }


def add_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a JSON lines file unless one of its id is there; what a person wrote before stays byte for byte."""
    before = path.read_bytes() if path.exists() else b""
    if f'"id": {json.dumps(row["id"])}'.encode() in before:
        return
    separator = b"" if not before or before.endswith(b"\n") else b"\n"
    write_bytes(path, before + separator + json.dumps(row, ensure_ascii=False).encode() + b"\n")


def measure_agreement(settings: Settings) -> Agreement | None:
    """Return how far the first two reviewers agree, None until two people have judged one answer."""
    from knowhow.evaluation.statistics.agreement import cohen_kappa

    first, second = paired_verdicts(feedback_log(settings).items())
    if not first:
        return None
    share = sum(one == other for one, other in zip(first, second, strict=True)) / len(first)
    return Agreement(len(first), share, cohen_kappa(first, second))
