"""One published comparison as the advisor's own answers: what a person could have said before the study was run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowhow.advisor.answers import (
    Answers,
    Change,
    Coverage,
    ExampleKind,
    Goal,
    ModelSize,
    Popularity,
    Retrieval,
    Tri,
    TunedModel,
)
from knowhow.advisor.outcomes import Family
from knowhow.errors import DataError

ARM_FAMILY: Mapping[str, Family] = {
    "base": Family.PROMPT,
    "few_shot": Family.PROMPT,
    "long_context": Family.PROMPT,
    "rag": Family.RAG,
    "rag_retriever_tuned": Family.RAG,
    "ft": Family.FINE_TUNE,
    "rag_ft": Family.HYBRID,
    "raft": Family.HYBRID,
    "rag_ft_retriever_tuned": Family.HYBRID,
}

_CHANGES = {
    "static": Change.STATIC,
    "yearly": Change.SLOW,
    "quarterly": Change.SLOW,
    "quarterly_or_slower": Change.SLOW,
    "monthly": Change.FAST,
    "weekly": Change.FAST,
    "weekly_or_faster": Change.FAST,
    "daily": Change.FAST,
    "mixed": Change.MIXED,
}
_KINDS = {
    "supervised": ExampleKind.CHECKED,
    "synthetic": ExampleKind.GENERATED,
    "raw_corpus_only": ExampleKind.RAW_TEXT,
}
_COVERAGE = {
    "yes": Coverage.YES,
    "partial": Coverage.PARTLY,
    "no": Coverage.NO,
    "conflicting": Coverage.CONFLICTING,
}
_POPULARITY = {"head": Popularity.HEAD, "tail": Popularity.TAIL, "unseen_private": Popularity.PRIVATE}
_RETRIEVAL = {
    "oracle": Retrieval.GOOD,
    "good": Retrieval.GOOD,
    "poor": Retrieval.POOR,
    "adversarial": Retrieval.MISLEADING,
}
_SIZES = {
    "<1B": ModelSize.SMALL,
    "1-3.5B": ModelSize.SMALL,
    "3.5-9B": ModelSize.MIDDLE,
    "9-20B": ModelSize.LARGE,
    ">20B": ModelSize.LARGE,
    "unknown_or_api": ModelSize.LARGE,
}
_TRIS = {"yes": Tri.YES, "no": Tri.NO}


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a published comparison: scores per arm in the study's own scale, and the answers known beforehand."""

    id: str
    study: str
    task: str
    metric: str
    model: str
    citation: str
    tier: str
    arms: Mapping[str, float]
    scale: float
    is_higher_better: bool
    questions: int | None
    answers: Answers
    acceptable: frozenset[Family]
    regret: Mapping[Family, float]
    is_excluded: bool = False


def read_case(record: Mapping[str, Any], source: str = "comparison") -> Case:
    """Return the case of one comparison record; DataError names the field that is missing or wrong."""
    try:
        arms = {name: float(value) for name, value in record["arms"].items() if value is not None}
        scale = float(record.get("scale", 1))
        is_higher_better = bool(record.get("higher_is_better", True))
        questions = record.get("n_eval")
        questions = int(questions) if isinstance(questions, (int, float)) else None
        regret = _read_regret(record, arms, scale, is_higher_better)
        acceptable = _read_acceptable(record, arms, scale, is_higher_better, questions)
        return Case(
            id=str(record["id"]),
            study=str(record["study_id"]),
            task=str(record.get("task", "")),
            metric=str(record.get("metric", "")),
            model=str(record.get("model", "")),
            citation=_format_citation(record.get("citation", "")),
            tier=str(record.get("evidence_tier", "")),
            arms=arms,
            scale=scale,
            is_higher_better=is_higher_better,
            questions=questions,
            answers=read_advisor_input(record["advisor_input"]),
            acceptable=acceptable,
            regret=regret,
            is_excluded=bool(record.get("exclude_from_backtest", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"record {record.get('id', '?')!r} can't be read ({type(error).__name__}: {error}).",
            source=source,
            mend="It needs id, study_id, arms and advisor_input.",
        ) from error


def read_advisor_input(values: Mapping[str, Any]) -> Answers:
    """Return the Answers that a record's `advisor_input` stands for; unknown words become unknown."""
    kind = _KINDS.get(str(values.get("training_signal")), ExampleKind.UNKNOWN)
    with_context = values.get("ft_trained_with_context")
    count = values.get("clean_examples")
    probe = values.get("prompt_probe_score")
    return Answers(
        goal=Goal(values["goal"]),
        changes=_CHANGES.get(str(values.get("update_frequency")), Change.UNKNOWN),
        citations=_TRIS.get(str(values.get("citations_needed")), Tri.UNKNOWN),
        examples=_read_count(count, kind),
        strict_form=_TRIS.get(str(values.get("strict_output")), Tri.UNKNOWN),
        coverage=_COVERAGE.get(str(values.get("knowledge_in_corpus")), Coverage.UNKNOWN),
        multi_hop=_TRIS.get(str(values.get("multi_hop")), Tri.UNKNOWN),
        example_kind=kind,
        probe=None if probe is None else float(probe),
        popularity=_POPULARITY.get(str(values.get("popularity")), Popularity.UNKNOWN),
        retrieval=_RETRIEVAL.get(str(values.get("retrieval_quality")), Retrieval.UNKNOWN),
        model_size=_SIZES.get(str(values.get("model_size")), ModelSize.UNKNOWN),
        tuned_model=_tuned_model(kind, with_context),
        trains_with_context=with_context is not False,
    )


def best_of_family(case: Case) -> dict[Family, float]:
    """Return the best score of each measured family in points of 100 (negated where lower is better)."""
    return _family_points(case.arms, case.scale, case.is_higher_better)


def tolerance_points(best: float, other: float, questions: int | None) -> float:
    """Return how far below the best a score still counts as equal: 1 point or one standard error of the difference of two shares.

    Scores in points of 100; the standard error is used only where both can be shares and the number of questions is known.
    """
    if not questions or not (0 <= best <= 100 and 0 <= other <= 100):
        return 1.0
    variance = (best * (100 - best) + other * (100 - other)) / questions
    return max(1.0, float(variance**0.5))


def _read_regret(
    record: Mapping[str, Any], arms: Mapping[str, float], scale: float, is_higher_better: bool
) -> dict[Family, float]:
    given = record.get("regret_by_family_pts")
    if given:
        return {Family(name): float(value) for name, value in given.items() if value is not None}
    best = _family_points(arms, scale, is_higher_better)
    top = max(best.values())
    return {family: top - points for family, points in best.items()}


def _read_acceptable(
    record: Mapping[str, Any],
    arms: Mapping[str, float],
    scale: float,
    is_higher_better: bool,
    questions: int | None,
) -> frozenset[Family]:
    given = record.get("acceptable_families")
    if given:
        return frozenset(Family(name) for name in given)
    best = _family_points(arms, scale, is_higher_better)
    top = max(best.values())
    is_share = scale in (1, 100) and is_higher_better
    return frozenset(
        family
        for family, points in best.items()
        if top - points <= tolerance_points(top, points, questions if is_share else None) + 1e-9
    )


def _family_points(arms: Mapping[str, float], scale: float, is_higher_better: bool) -> dict[Family, float]:
    """The best of each family; arms of no family (oracle, and what others may add) are left out."""
    best: dict[Family, float] = {}
    for arm, score in arms.items():
        points = 100 * score / scale * (1 if is_higher_better else -1)
        family = ARM_FAMILY.get(arm)
        if family is None:
            continue
        best[family] = max(points, best.get(family, points))
    return best


def _tuned_model(kind: ExampleKind, with_context: object) -> TunedModel:
    """Without a training signal of its own, a study that tuned (the flag is set) took a model that was tuned elsewhere."""
    if kind is not ExampleKind.UNKNOWN or with_context is None:
        return TunedModel.UNKNOWN
    return TunedModel.READER if with_context else TunedModel.FIELD


def _read_count(count: object, kind: ExampleKind) -> int | None:
    """Zero clean examples beside a generated training set means that the number of generated ones was not stated."""
    if not isinstance(count, (int, float)) or (count == 0 and kind is ExampleKind.GENERATED):
        return None
    return int(count)


def _format_citation(citation: object) -> str:
    if not isinstance(citation, Mapping):
        return str(citation)
    author = str(citation.get("first_author", "")).replace("(", "").replace(")", "")
    return (
        f"{author} {citation.get('year', '')}. {citation.get('title', '')}. {citation.get('ref', '')}".strip()
    )
