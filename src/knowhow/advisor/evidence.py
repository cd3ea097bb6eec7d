"""Published head-to-heads: load them, find those like a case, and read off expected gains and agreement."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from knowhow.advisor.answers import Answers, Coverage, ExampleKind, Goal
from knowhow.advisor.cases import Case, best_of_family, read_case
from knowhow.advisor.outcomes import Family
from knowhow.errors import DataError
from knowhow.storage import read_json

_WEIGHTS: Mapping[str, float] = {
    "goal": 3.0,
    "coverage": 1.5,
    "example_kind": 1.5,
    "probe": 1.5,
    "changes": 1.0,
    "citations": 1.0,
    "examples": 1.0,
    "strict_form": 1.0,
    "popularity": 1.0,
    "model_size": 1.0,
    "retrieval": 0.5,
    "multi_hop": 0.5,
    "tuned_model": 0.5,
}
"""What makes two cases alike; the goal weighs most because it alone predicts the winning family across studies."""
_UNKNOWN_MATCH = 0.4
_NEIGHBOURS = 8
_PRIOR_STUDIES = 1.0
_PRIOR_AGREEMENT = 0.75


@dataclass(frozen=True, slots=True)
class Study:
    """One publication."""

    id: str
    title: str
    author: str
    year: str
    reference: str
    description: str

    @property
    def citation(self) -> str:
        """Author, year, title and reference in one line."""
        return f"{self.author} {self.year}. {self.title}. {self.reference}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One published result that a rule stands on; `studies` are the comparison studies it was measured in."""

    id: str
    statement: str
    studies: tuple[str, ...]
    tier: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The packaged table."""

    studies: Mapping[str, Study]
    findings: Mapping[str, Finding]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A published case and how alike it is to the asked one (0 to 1)."""

    case: Case
    similarity: float


@dataclass(frozen=True, slots=True)
class Gain:
    """Expected change in points from one family to another: mean over study means with a 95 % interval over studies."""

    start: Family
    end: Family
    mean: float
    low: float
    high: float
    studies: int
    rows: int
    is_narrow: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far comparable published cases support a family: `share` shrunk to a prior, `supporting` of `studies` counted plainly."""

    share: float
    supporting: int
    studies: int


@lru_cache(maxsize=1)
def load_evidence() -> Evidence:
    """Return the evidence shipped with the package."""
    text = files("knowhow.advisor").joinpath("data", "evidence.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    return Evidence(
        studies={name: Study(id=name, **values) for name, values in raw["studies"].items()},
        findings={
            item["id"]: Finding(item["id"], item["statement"], tuple(item["studies"]), item["tier"])
            for item in raw["findings"]
        },
        cases=tuple(read_case(record, "the packaged evidence") for record in raw["comparisons"]),
    )


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read comparison records from a JSON file (a list, or an object with `comparisons`); DataError names the bad record."""
    try:
        raw = read_json(path)
    except FileNotFoundError:
        raise DataError(
            "does not exist.", source=str(path), mend="Name a JSON file of comparison records."
        ) from None
    records = raw.get("comparisons") if isinstance(raw, dict) else raw
    if not isinstance(records, list) or not records:
        raise DataError(
            "holds no comparison records.", source=str(path), mend="It must be a JSON list of records."
        )
    return tuple(read_case(record, str(path)) for record in records)


def measure_similarity(one: Answers, other: Answers) -> float:
    """Return how alike two cases are, from 0 to 1; what one of them doesn't know counts a little, a difference nothing."""
    total = score = 0.0
    for name, weight in _WEIGHTS.items():
        total += weight
        score += weight * _match(name, getattr(one, name), getattr(other, name))
    return score / total


def find_nearest(
    answers: Answers, cases: Iterable[Case], count: int = _NEIGHBOURS, per_study: int = 1
) -> list[Neighbour]:
    """Return the most similar cases, most similar first, at most `per_study` of one study."""
    ranked = sorted(
        (Neighbour(case, measure_similarity(answers, case.answers)) for case in cases if len(case.arms) > 1),
        key=lambda item: (-item.similarity, item.case.id),
    )
    taken: dict[str, int] = {}
    nearest = []
    for item in ranked:
        if taken.get(item.case.study, 0) >= per_study:
            continue
        taken[item.case.study] = taken.get(item.case.study, 0) + 1
        nearest.append(item)
        if len(nearest) == count:
            break
    return nearest


def measure_agreement(
    answers: Answers, family: Family, cases: Iterable[Case], is_comparable: Callable[[Case], bool]
) -> Agreement:
    """Return how far comparable published cases support `family`, the nearest studies weighing most.

    Only cases that measured the family and another one count; a study's share is taken over its rows nearest to `answers`.
    """
    by_study: dict[str, list[Neighbour]] = {}
    for case in cases:
        if case.is_excluded or family not in case.regret or len(case.regret) < 2 or not is_comparable(case):
            continue
        by_study.setdefault(case.study, []).append(Neighbour(case, measure_similarity(answers, case.answers)))
    scored = []
    for items in by_study.values():
        top = max(item.similarity for item in items)
        near = [item for item in items if item.similarity >= top - 0.05]
        scored.append((top, sum(family in item.case.acceptable for item in near) / len(near)))
    scored.sort(reverse=True)
    scored = scored[:_NEIGHBOURS]
    weights = sum(similarity for similarity, _ in scored)
    share = sum(similarity * accepted for similarity, accepted in scored)
    share = (share + _PRIOR_STUDIES * _PRIOR_AGREEMENT) / (weights + _PRIOR_STUDIES)
    return Agreement(share, sum(accepted >= 0.5 for _, accepted in scored), len(scored))


def estimate_gain(answers: Answers, start: Family, end: Family, cases: Sequence[Case]) -> Gain | None:
    """Return the expected gain in points from `start` to `end`; None where fewer than two studies measured both on such a goal
    (behaviour on one side, knowledge or both on the other).

    Rows are narrowed to the case's probe range, coverage and example kind while at least three studies remain.
    """
    rows = [
        case
        for case in cases
        if start in case.regret
        and end in case.regret
        and not case.is_excluded
        and _is_score(case)
        and (case.answers.goal is Goal.BEHAVIOUR) == (answers.goal is Goal.BEHAVIOUR)
    ]
    is_narrow = False
    for keeps in _narrowings(answers, end):
        narrowed = [case for case in rows if keeps(case.answers)]
        if len({case.study for case in narrowed}) >= 3:
            rows, is_narrow = narrowed, True
    by_study: dict[str, list[float]] = {}
    for case in rows:
        points = best_of_family(case)
        by_study.setdefault(case.study, []).append(points[end] - points[start])
    means = [sum(gains) / len(gains) for gains in by_study.values()]
    if len(means) < 2:
        return None
    low, high = _resample_mean(means)
    return Gain(start, end, sum(means) / len(means), low, high, len(means), len(rows), is_narrow)


def _narrowings(answers: Answers, end: Family) -> list[Callable[[Answers], bool]]:
    """Conditions in the order of how much they matter for the gain."""
    found: list[Callable[[Answers], bool]] = []
    if answers.probe is not None:
        probe_bin = _probe_bin(answers.probe)
        found.append(lambda other: other.probe is not None and _probe_bin(other.probe) == probe_bin)
    if answers.coverage in (Coverage.YES, Coverage.NO) and end in (Family.RAG, Family.HYBRID):
        found.append(lambda other: other.coverage is answers.coverage)
    elif answers.goal is not Goal.BEHAVIOUR:
        found.append(lambda other: other.coverage is not Coverage.NO)
    if answers.example_kind is not ExampleKind.UNKNOWN and end in (Family.FINE_TUNE, Family.HYBRID):
        found.append(lambda other: other.example_kind is answers.example_kind)
    return found


def _probe_bin(probe: float) -> int:
    return 0 if probe < 0.4 else (1 if probe < 0.6 else 2)


def _is_score(case: Case) -> bool:
    return case.is_higher_better and case.scale in (1, 100)


def _resample_mean(means: Sequence[float], resamples: int = 1000) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the mean over studies drawn with replacement (fixed seed: same data, same interval)."""
    draw = random.Random(0)
    count = len(means)
    found = sorted(sum(draw.choices(means, k=count)) / count for _ in range(resamples))
    return found[round(0.025 * resamples)], found[round(0.975 * resamples) - 1]


def _match(name: str, one: object, other: object) -> float:
    if one in (None, "unknown") or other in (None, "unknown"):
        return _UNKNOWN_MATCH
    if name == "probe" and isinstance(one, float) and isinstance(other, float):
        return max(0.0, 1 - 2 * abs(one - other))
    if name == "examples" and isinstance(one, int) and isinstance(other, int):
        return 1.0 if _count_bin(one) == _count_bin(other) else 0.3
    return 1.0 if one == other else 0.0


def _count_bin(count: int) -> int:
    return sum(count >= edge for edge in (50, 200, 1000, 10000))
