"""Finished comparisons as pages show them: a list, one with its arms, and questions side by side with their sources."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import NotFoundError
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import find_run
from knowhow.serving.failures import UNKNOWN
from knowhow.storage import read_json
from knowhow.types import Answer, Example
from knowhow.workspace import Workspace

_KEPT = 4


@dataclass(frozen=True, slots=True)
class RunLine:
    """One finished comparison in the list; `ended` in seconds since 1970."""

    id: str
    ended: float
    strategy: str
    headline: str
    is_decided: bool
    strategies: tuple[str, ...]
    questions: int
    examples: int


@dataclass(frozen=True, slots=True)
class SideAnswer:
    """What one strategy answered; `score` None where the metric does not apply."""

    strategy: str
    answer: Answer | None
    score: float | None


@dataclass(frozen=True, slots=True)
class QuestionPair:
    """One question with two answers; `difference` is right minus left."""

    example: Example
    left: SideAnswer
    right: SideAnswer

    @property
    def difference(self) -> float:
        """Return how much better the right answer is, 0 where a score is missing."""
        if self.left.score is None or self.right.score is None:
            return 0.0
        return self.right.score - self.left.score


class Runs:
    """The finished comparisons of a workspace; drawn reports are kept for the next look."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.settings.state / "runs"
        self._reports: OrderedDict[tuple[str, int], Report] = OrderedDict()
        self._lock = threading.Lock()

    def lines(self) -> list[RunLine]:
        """Return every finished comparison, newest first."""
        found = []
        for folder in self._folder.glob("*"):
            path = folder / "report.json"
            if path.is_file() and (folder / "run.json").is_file():
                found.append(_line(read_json(path), folder))
        return sorted(found, key=lambda line: -line.ended)

    def report(self, name: str) -> Report:
        """Return a report by the id of its run; 404 where there is none."""
        folder = self.find(name)
        key = (folder.name, (folder / "run.json").stat().st_mtime_ns)
        with self._lock:
            if key not in self._reports:
                self._reports[key] = self._workspace.report(folder.name)[0]
                while len(self._reports) > _KEPT:
                    self._reports.popitem(last=False)
            return self._reports[key]

    def forget(self) -> None:
        """Forget the drawn reports."""
        with self._lock:
            self._reports.clear()

    def find(self, name: str) -> Path:
        """Return the folder of a run by its whole id; 404 where there is none."""
        try:
            folder = find_run(self._folder, name)
        except NotFoundError:
            raise UNKNOWN from None
        if not name or folder.name != name:
            raise UNKNOWN
        return folder


def is_readable(report: Report, groups: frozenset[str]) -> bool:
    """Say whether a reader could have been given every answer of a run: its questions were asked with their own groups."""
    return all(example.groups <= groups for example in report.record.examples)


def pair_questions(
    report: Report, left: str, right: str, groups: frozenset[str] = frozenset()
) -> list[QuestionPair]:
    """Return the questions this reader may see with both answers, those whose scores lie furthest apart first."""
    sides = [(name, _answers(report, name), _scores(report, name)) for name in (left, right)]
    pairs = []
    for example in report.record.examples:
        one, other = (
            SideAnswer(name, answers.get(example.id), scores.get(example.id))
            for name, answers, scores in sides
        )
        if example.groups <= groups and (one.answer or other.answer):
            pairs.append(QuestionPair(example, one, other))
    return sorted(pairs, key=lambda pair: (-abs(pair.difference), pair.example.id))


def choose_pair(report: Report, left: str, right: str) -> tuple[str, str]:
    """Return two measured strategies to set side by side: those asked for, else the runner-up and the recommended or best one."""
    measured = [item.name for item in report.strategies if item.is_measured]
    ranked = sorted(measured, key=lambda name: -(_mean(report, name)))
    advised = report.recommendation.strategy
    best = advised if advised in measured else next(iter(ranked), "")
    chosen = right if right in measured else best
    other = next((name for name in ranked if name != chosen and name != "oracle"), chosen)
    return (left if left in measured else other), chosen


def _mean(report: Report, name: str) -> float:
    quality = report.quality(name)
    return quality.value if quality else -1.0


def _answers(report: Report, name: str) -> Mapping[str, Answer]:
    arm = next((arm for arm in report.record.arms if arm.name == name), None)
    return report.record.answers.get(arm.key, {}) if arm else {}


def _scores(report: Report, name: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for score in report.scores:
        if score.metric == report.decisive and score.strategy == name and score.value is not None:
            values.setdefault(score.example_id, []).append(score.value)
    return {example: sum(found) / len(found) for example, found in values.items()}


def _line(value: Mapping[str, Any], folder: Path) -> RunLine:
    advice, split = value["recommendation"], value["split"]
    names: Sequence[str] = [item["name"] for item in value["strategies"] if not item["skipped"]]
    return RunLine(
        value["id"],
        (folder / "run.json").stat().st_mtime,
        advice["strategy"],
        advice["headline"],
        advice["is_decided"],
        tuple(names),
        value["questions"],
        split["train"] + split["held_out"],
    )
