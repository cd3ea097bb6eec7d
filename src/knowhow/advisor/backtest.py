"""Replay advisors over published comparisons: how often the named family is acceptable, what it costs, and is the confidence honest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowhow.advisor.answers import Answers, Change, Goal, Tri
from knowhow.advisor.cases import Case
from knowhow.advisor.decision import Choice, decide, family_of
from knowhow.advisor.evidence import Agreement, Evidence, load_evidence, measure_agreement
from knowhow.advisor.outcomes import Family
from knowhow.advisor.rules import RULES
from knowhow.advisor.traits import LIGHT_EXAMPLES

Namer = Callable[[Case, Sequence[Case]], tuple[Family, ...]]
"""Given a case and the cases of all other studies, the families to try, best first."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """One study under one advisor; `acceptable` is a share of rows, `regret` points lost to the best family on average."""

    study: str
    rows: int
    acceptable: float
    regret: float


@dataclass(frozen=True, slots=True)
class AdvisorResult:
    """One advisor over all studies; macro figures weigh every study alike, micro figures every row.

    `unscored` rows are those where the named family was not measured; they count nowhere.
    """

    name: str
    studies: tuple[StudyResult, ...]
    rows: int
    unscored: int
    acceptable: float
    regret: float
    acceptable_micro: float
    regret_micro: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One of the equally filled bins of stated confidence, from `low` to `high`; every study weighs alike."""

    low: float
    high: float
    rows: int
    stated: float
    found: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the stated confidence compares with what was found, without the studied study: expected error, Brier score and the bins."""

    expected_error: float
    brier: float
    brier_constant: float
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True)
class Backtest:
    """All advisors on studies that measured all four families and on every scorable row, and the calibration on the latter."""

    four_families: tuple[AdvisorResult, ...]
    all_rows: tuple[AdvisorResult, ...]
    calibration: Calibration
    skipped: int


def run_backtest(cases: Sequence[Case] | None = None) -> Backtest:
    """Replay every advisor over `cases` (default: the packaged evidence).

    A row is scorable when at least two families were measured and the named one is among them. Whatever is fitted, and the
    confidence, never sees the study it is judged on; `knowhow, study left out` also switches off lines that stand on that study alone.
    """
    evidence = load_evidence()
    chosen = list(cases if cases is not None else evidence.cases)
    usable = [case for case in chosen if not case.is_excluded and len(case.regret) > 1]
    four = [case for case in usable if len(case.regret) == 4]
    reference = [case for case in evidence.cases if not case.is_excluded]
    return Backtest(
        four_families=tuple(_replay_all(four, evidence)),
        all_rows=tuple(_replay_all(usable, evidence)),
        calibration=measure_calibration(usable, reference),
        skipped=len(chosen) - len(usable),
    )


def replay(name: str, namer: Namer, cases: Sequence[Case], *, takes_next: bool = False) -> AdvisorResult:
    """Score one advisor; with `takes_next` a row whose named family was not measured takes the advisor's next choice instead."""
    found: dict[str, list[tuple[bool, float]]] = {}
    unscored = 0
    for case in cases:
        others = [other for other in cases if other.study != case.study]
        named = namer(case, others)
        family = next((item for item in (named if takes_next else named[:1]) if item in case.regret), None)
        if family is None:
            unscored += 1
            continue
        found.setdefault(case.study, []).append((family in case.acceptable, case.regret[family]))
    studies = tuple(
        StudyResult(study, len(rows), _mean(row[0] for row in rows), _mean(row[1] for row in rows))
        for study, rows in found.items()
    )
    every = [row for rows in found.values() for row in rows]
    return AdvisorResult(
        name,
        studies,
        len(every),
        unscored,
        _mean(item.acceptable for item in studies),
        _mean(item.regret for item in studies),
        _mean(row[0] for row in every),
        _mean(row[1] for row in every),
    )


def measure_calibration(cases: Sequence[Case], reference: Sequence[Case], bins: int = 4) -> Calibration:
    """Compare the stated confidence with acceptance, studies weighing alike; agreement is counted without the row's own study."""
    rows: list[tuple[float, bool, float]] = []
    scored: dict[str, list[tuple[float, bool]]] = {}
    for case in cases:
        choice = decide(case.answers)
        family = family_of(choice)
        if family not in case.regret:
            continue
        others = [other for other in reference if other.study != case.study]
        stated = state_confidence(case.answers, choice, others).share
        scored.setdefault(case.study, []).append((stated, family in case.acceptable))
    for items in scored.values():
        rows.extend((stated, hit, 1 / len(items)) for stated, hit in items)
    rows.sort()
    total = sum(weight for _, _, weight in rows) or 1.0
    overall = sum(weight * hit for _, hit, weight in rows) / total
    found = []
    for index in range(bins):
        inside = rows[index * len(rows) // bins : (index + 1) * len(rows) // bins]
        weight = sum(row[2] for row in inside)
        if inside:
            stated = sum(row[0] * row[2] for row in inside) / weight
            hits = sum(row[1] * row[2] for row in inside) / weight
            found.append((CalibrationBin(inside[0][0], inside[-1][0], len(inside), stated, hits), weight))
    return Calibration(
        expected_error=sum(weight * abs(item.stated - item.found) for item, weight in found) / total,
        brier=sum(weight * (stated - hit) ** 2 for stated, hit, weight in rows) / total,
        brier_constant=sum(weight * (overall - hit) ** 2 for _, hit, weight in rows) / total,
        bins=tuple(item for item, _ in found),
    )


def state_confidence(answers: Answers, choice: Choice, cases: Iterable[Case]) -> Agreement:
    """Return the agreement among published cases to which the rule gives the same advice.

    The same advice is the same family; for the prompt, which is advised for very different reasons, the same line of the table.
    """
    family = family_of(choice)

    def is_same_advice(case: Case) -> bool:
        other = decide(case.answers)
        if family is Family.PROMPT:
            return other.rule.name == choice.rule.name
        return family_of(other) is family

    return measure_agreement(answers, family, cases, is_same_advice)


def rules_standing_on(study: str, evidence: Evidence) -> frozenset[str]:
    """Return the names of rules whose published grounds all come from `study`."""
    names = set()
    for rule in RULES:
        sources: set[str] = set()
        for ground in rule.grounds:
            finding = evidence.findings.get(ground)
            sources.update((finding.studies or (ground,)) if finding else (ground,))
        if sources and sources == {study}:
            names.add(rule.name)
    return frozenset(names)


def name_by_five_questions(answers: Answers) -> Family:
    """The plain five-question rule: duties first, then goal, then whether there are examples (unknown counts as there)."""
    has_examples = answers.examples is None or answers.examples >= LIGHT_EXAMPLES
    is_dutiful = answers.citations is Tri.YES or answers.changes in (Change.SLOW, Change.FAST)
    if answers.goal is Goal.BEHAVIOUR and not is_dutiful:
        return Family.FINE_TUNE if has_examples else Family.PROMPT
    if answers.goal is Goal.KNOWLEDGE or not has_examples:
        return Family.RAG
    return Family.HYBRID


def name_by_goal_alone(answers: Answers) -> Family:
    """The goal-only rule as the whole table of studies would set it: train for form, hybrid wherever facts are wanted."""
    return Family.FINE_TUNE if answers.goal is Goal.BEHAVIOUR else Family.HYBRID


def name_by_goal(case: Case, others: Sequence[Case]) -> tuple[Family, ...]:
    """The goal-only rule, fitted on the other studies: the family with the least mean regret over studies with that goal."""
    losses: Mapping[Family, dict[str, list[float]]] = {family: {} for family in Family}
    for other in others:
        if other.answers.goal is case.answers.goal and len(other.regret) == 4:
            for family, points in other.regret.items():
                losses[family].setdefault(other.study, []).append(points)
    means = {
        family: _mean(_mean(rows) for rows in by_study.values())
        for family, by_study in losses.items()
        if by_study
    }
    if not means:
        return (Family.HYBRID,)
    return tuple(sorted(means, key=lambda family: means[family]))


def _replay_all(cases: Sequence[Case], evidence: Evidence) -> list[AdvisorResult]:
    def by_rules(case: Case, _: Sequence[Case]) -> tuple[Family, ...]:
        choice = decide(case.answers)
        return (family_of(choice), *choice.ranking)

    def by_rules_without_study(case: Case, _: Sequence[Case]) -> tuple[Family, ...]:
        choice = decide(case.answers, without=rules_standing_on(case.study, evidence))
        return (family_of(choice), *choice.ranking)

    return [
        replay("knowhow", by_rules, cases),
        replay("knowhow, study left out", by_rules_without_study, cases),
        replay("knowhow, next measured", by_rules, cases, takes_next=True),
        replay("goal only, fitted", name_by_goal, cases),
        replay("goal only, fixed", lambda case, _: (name_by_goal_alone(case.answers),), cases),
        replay("five questions", lambda case, _: (name_by_five_questions(case.answers),), cases),
        *(replay(f"always {family}", _name_always(family), cases) for family in Family),
    ]


def _name_always(family: Family) -> Namer:
    def name(_: Case, __: Sequence[Case]) -> tuple[Family, ...]:
        return (family,)

    return name


def _mean(values: Iterable[float]) -> float:
    items = list(values)
    return sum(items) / len(items) if items else 0.0
