"""What people said about answers, and what reviewers made of it: one append-only log, everything else is folded from it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from knowhow.errors import ConfigError, DataError, NotFoundError, PolicyError
from knowhow.registry import check_options
from knowhow.storage import append_lines, locked, read_lines

Rating = Literal["", "up", "down"]
Verdict = Literal["right", "wrong", "wrong_source"]
VERDICTS: tuple[Verdict, ...] = ("right", "wrong", "wrong_source")
PENDING, ACCEPTED, DISPUTED = "pending", "accepted", "disputed"


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that the answer cited, as far as a reviewer needs it."""

    number: int
    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """One reaction to one answer, with the answer as it was delivered.

    `audiences` are the group sets of the passages that the answer was made from: who holds none of one of them may not read this.
    `documents` are all that it was shown, also what it did not cite.
    `groups` are those of the asker; the example that is made from a correction is asked with them.
    """

    id: str
    time: str
    by: str
    question: str
    answer: str
    rating: Rating = ""
    correction: str = ""
    wrong_sources: tuple[int, ...] = ()
    missing_document: str = ""
    comment: str = ""
    release: str = ""
    index_version: str = ""
    citations: tuple[CitedPassage, ...] = ()
    groups: tuple[str, ...] = ()
    audiences: tuple[tuple[str, ...], ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer's verdict on the delivered answer; `answer` is the right one where the verdict is wrong.

    `document` and `quote` name where the right answer stands, where the reviewer knows it.
    """

    feedback: str
    time: str
    by: str
    verdict: Verdict
    answer: str = ""
    document: str = ""
    quote: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One feedback with its reviews; `state` is pending, accepted or disputed, `example` the id of the row made from it."""

    feedback: Feedback
    reviews: tuple[Review, ...] = ()
    state: str = PENDING
    example: str = ""

    @property
    def decisive(self) -> Review | None:
        """The latest review of the agreeing ones, None until enough reviewers agree."""
        return self.reviews[-1] if self.state == ACCEPTED else None


class FeedbackLog:
    """The log under one folder; `needed` is how many reviewers must give the same verdict before it counts."""

    def __init__(self, folder: Path, needed: int = 1) -> None:
        self.path = folder / "log.jsonl"
        self.needed = needed

    def add(self, feedback: Feedback) -> Feedback:
        """Keep one reaction; its id and time are filled in. DataError when it says nothing."""
        said = (
            feedback.rating,
            feedback.correction,
            feedback.wrong_sources,
            feedback.missing_document,
            feedback.comment,
        )
        if not any(said):
            raise DataError(
                "The feedback says nothing.", mend="Give a rating, a correction, a source or a comment."
            )
        stamped = replace(feedback, id=secrets.token_hex(8), time=_now())
        # A purge replaces the whole log; a line that is added meanwhile must not be lost.
        with locked(self.path.with_name(".lock"), purpose="feedback", wait_seconds=10.0):
            self._append("feedback", asdict(stamped))
        return stamped

    def review(self, review: Review) -> Item:
        """Keep one verdict and return the item as it stands now; PolicyError when this reviewer judged it already."""
        with locked(self.path.with_name(".lock"), purpose="a review", wait_seconds=10.0):
            item = self.get(review.feedback)
            if item.state == ACCEPTED:
                raise PolicyError(f"The feedback {review.feedback} has been decided already.")
            if any(earlier.by == review.by for earlier in item.reviews):
                raise PolicyError(f"{review.by} has reviewed {review.feedback} already; another person must.")
            if review.verdict == "wrong" and not review.answer and item.feedback.correction:
                review = replace(review, answer=item.feedback.correction)
            stamped = replace(review, time=_now())
            self._append("review", asdict(stamped))
            return self.get(review.feedback)

    def mark_example(self, feedback: str, example: str) -> None:
        """Keep that the example row `example` was made from a feedback."""
        self._append("example", {"feedback": feedback, "example": example})

    def items(self) -> list[Item]:
        """Every feedback with its reviews, oldest first."""
        found: dict[str, Item] = {}
        for number, row in enumerate(read_lines(self.path), start=1):
            try:
                self._fold(found, row)
            except (ConfigError, KeyError, TypeError) as error:
                raise DataError(
                    f"is not a line of feedback ({error}).", source=str(self.path), line=number
                ) from error
        return list(found.values())

    def waiting(self) -> list[Item]:
        """What reviewers still have to look at: pending and disputed items, corrections before mere ratings, oldest first."""
        waiting = [item for item in self.items() if item.state != ACCEPTED]
        return sorted(waiting, key=lambda item: not (item.feedback.correction or item.feedback.wrong_sources))

    def get(self, name: str) -> Item:
        """Return one item by the id of its feedback."""
        for item in self.items():
            if item.feedback.id == name:
                return item
        raise NotFoundError(f"There is no feedback {name[:80]!r}. List it with: knowhow review --list")

    def _fold(self, found: dict[str, Item], row: Mapping[str, Any]) -> None:
        kind, value = row["kind"], row["value"]
        if kind == "feedback":
            feedback = Feedback(**check_options(Feedback, value, "feedback"))
            found[feedback.id] = Item(feedback)
        elif kind == "review":
            review = Review(**check_options(Review, value, "review"))
            item = found[review.feedback]
            reviews = (*item.reviews, review)
            found[review.feedback] = replace(item, reviews=reviews, state=_state(reviews, self.needed))
        else:
            item = found[value["feedback"]]
            found[value["feedback"]] = replace(item, example=value["example"])

    def _append(self, kind: str, value: Mapping[str, Any]) -> None:
        append_lines(self.path, [{"kind": kind, "value": value}])


def is_readable(feedback: Feedback, groups: frozenset[str]) -> bool:
    """Say whether a reader holding `groups` could have read every passage that the answer was made from."""
    return all(groups & set(audience) for audience in feedback.audiences)


def paired_verdicts(items: Iterable[Item]) -> tuple[list[str], list[str]]:
    """Return the verdicts of the first and of the second reviewer over all items that two people judged."""
    pairs = [item.reviews[:2] for item in items if len(item.reviews) > 1]
    return [first.verdict for first, _ in pairs], [second.verdict for _, second in pairs]


def _state(reviews: tuple[Review, ...], needed: int) -> str:
    last = reviews[-1]
    agreeing = [review for review in reviews if _outcome(review) == _outcome(last)]
    if len(agreeing) >= needed:
        return ACCEPTED
    return DISPUTED if len({_outcome(review) for review in reviews}) > 1 else PENDING


def _outcome(review: Review) -> tuple[str, str]:
    return review.verdict, " ".join(review.answer.split()).casefold()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
