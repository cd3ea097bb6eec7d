from __future__ import annotations

import json

import pytest

from knowhow.advisor.answers import Answers, Coverage, Goal, Tri
from knowhow.advisor.backtest import (
    measure_calibration,
    name_by_five_questions,
    replay,
    rules_standing_on,
    run_backtest,
)
from knowhow.advisor.cases import read_case, tolerance_points
from knowhow.advisor.evidence import (
    estimate_gain,
    find_nearest,
    load_evidence,
    measure_similarity,
    read_cases,
)
from knowhow.advisor.outcomes import Family
from knowhow.errors import DataError


def record(study="s", arms=None, goal="knowledge", **known):
    return {
        "id": f"{study}_row",
        "study_id": study,
        "arms": arms or {"base": 0.4, "rag": 0.6},
        "scale": 1,
        "advisor_input": {"goal": goal, **known},
    }


def test_the_packaged_table():
    evidence = load_evidence()
    assert len(evidence.cases) == 214
    assert len(evidence.studies) == 31
    assert {case.study for case in evidence.cases} == set(evidence.studies)
    for finding in evidence.findings.values():
        assert set(finding.studies) <= set(evidence.studies)
    for study in evidence.studies.values():
        assert study.description
        assert study.year.isdigit()
        assert "file id" not in study.citation


@pytest.mark.parametrize(
    ("best", "other", "questions", "points"),
    [
        (48.9, 43.0, 135, 6.06),  # sqrt((.489*.511 + .43*.57) / 135) = .0606
        (68.1, 62.2, 135, 5.79),
        (80.0, 79.0, None, 1.0),
        (80.0, 80.0, 14_000, 1.0),  # the standard error is below one point
        (-1.2, -1.3, 100, 1.0),  # not shares
    ],
)
def test_tolerance_by_hand(best, other, questions, points):
    assert tolerance_points(best, other, questions) == pytest.approx(points, abs=0.01)


def test_families_regret_and_acceptance_follow_from_scores():
    case = read_case(
        {
            **record(arms={"base": 40, "few_shot": 55, "rag": 60, "raft": 59.5, "ft": 30, "oracle": 99}),
            "scale": 100,
        }
    )
    assert case.regret == {
        Family.PROMPT: pytest.approx(5),
        Family.RAG: 0,
        Family.FINE_TUNE: pytest.approx(30),
        Family.HYBRID: pytest.approx(0.5),
    }
    assert case.acceptable == {Family.RAG, Family.HYBRID}


def test_lower_can_be_better():
    case = read_case({**record(arms={"base": 1.33, "rag": 1.21}), "scale": 10, "higher_is_better": False})
    assert case.regret[Family.PROMPT] == pytest.approx(1.2)
    assert case.acceptable == {Family.RAG}


@pytest.mark.parametrize("missing", ["id", "study_id", "arms", "advisor_input"])
def test_a_broken_record_is_named(missing):
    broken = record()
    del broken[missing]
    with pytest.raises(DataError, match=missing):
        read_case(broken, "records.json")


def test_records_are_read_from_a_list_or_an_object(tmp_path):
    path = tmp_path / "records.json"
    path.write_text(json.dumps([record()]))
    assert len(read_cases(path)) == 1
    path.write_text(json.dumps({"comparisons": [record(), record("other")]}))
    assert len(read_cases(path)) == 2
    path.write_text("[]")
    with pytest.raises(DataError, match="no comparison records"):
        read_cases(path)
    with pytest.raises(DataError, match="does not exist"):
        read_cases(tmp_path / "absent.json")


def test_the_advisor_never_sees_scores_of_the_arms():
    one, other = record(arms={"base": 0.1, "rag": 0.9}), record(arms={"base": 0.9, "rag": 0.1})
    assert read_case(one).answers == read_case(other).answers


def test_similarity_is_one_only_for_the_same_known_case():
    known = Answers(Goal.BOTH, citations=Tri.YES)
    other = Answers(Goal.KNOWLEDGE, citations=Tri.YES)
    assert measure_similarity(known, known) > measure_similarity(known, other)
    assert 0 <= measure_similarity(known, other) < measure_similarity(known, known) <= 1


def test_nearest_shares_the_goal_and_takes_one_case_per_study():
    nearest = find_nearest(
        Answers(Goal.BEHAVIOUR, strict_form=Tri.YES, examples=2_000), load_evidence().cases, 4
    )
    assert [item.case.answers.goal for item in nearest] == [Goal.BEHAVIOUR] * 4
    assert len({item.case.study for item in nearest}) == 4
    assert [item.similarity for item in nearest] == sorted(
        (item.similarity for item in nearest), reverse=True
    )


def test_a_gain_is_the_mean_over_study_means_with_an_interval_around_it():
    cases = [
        read_case(record("a", {"base": 0.2, "rag": 0.4})),
        read_case(record("a", {"base": 0.2, "rag": 0.6})),
        read_case(record("b", {"base": 0.5, "rag": 0.6})),
    ]
    gain = estimate_gain(Answers(Goal.KNOWLEDGE), Family.PROMPT, Family.RAG, cases)
    assert gain.mean == pytest.approx((30 + 10) / 2)
    assert (gain.studies, gain.rows) == (2, 3)
    assert gain.low <= gain.mean <= gain.high
    assert (gain.low, gain.high) == (pytest.approx(10), pytest.approx(30))
    assert estimate_gain(Answers(Goal.KNOWLEDGE), Family.PROMPT, Family.FINE_TUNE, cases) is None


def test_published_gains_depend_on_the_prompt_only_score():
    cases = load_evidence().cases
    low, high = (
        estimate_gain(
            Answers(Goal.KNOWLEDGE, probe=probe, coverage=Coverage.YES), Family.PROMPT, Family.RAG, cases
        )
        for probe in (0.2, 0.7)
    )
    assert low.mean > 20 > high.mean
    form = estimate_gain(Answers(Goal.BEHAVIOUR), Family.PROMPT, Family.FINE_TUNE, cases)
    assert form.low > 10


def test_replay_by_hand():
    cases = [
        read_case(record("a", {"base": 0.2, "rag": 0.4})),
        read_case(record("a", {"base": 0.6, "rag": 0.5})),
        read_case(record("b", {"base": 0.1, "rag": 0.5})),
        read_case(record("b", {"base": 0.1, "ft": 0.5})),
    ]
    result = replay("always rag", lambda case, others: (Family.RAG, Family.PROMPT), cases)
    assert (result.rows, result.unscored) == (3, 1)
    assert result.acceptable == pytest.approx((0.5 + 1) / 2)
    assert result.regret == pytest.approx((5 + 0) / 2)
    assert result.acceptable_micro == pytest.approx(2 / 3)
    fallen = replay("next", lambda case, others: (Family.RAG, Family.PROMPT), cases, takes_next=True)
    assert (fallen.rows, fallen.unscored) == (4, 0)
    assert fallen.regret == pytest.approx((5 + 20) / 2)


def test_a_namer_sees_other_studies_only():
    cases = [read_case(record(study)) for study in "abc"]
    seen = []

    def name(case, others):
        seen.append((case.study, {other.study for other in others}))
        return (Family.RAG,)

    replay("spy", name, cases)
    assert all(study not in others and len(others) == 2 for study, others in seen)


def test_backtest_reaches_its_target_on_the_packaged_studies():
    result = run_backtest()
    ours = {item.name: item for item in result.four_families}
    assert ours["knowhow"].rows == 79
    for name in ("knowhow", "knowhow, study left out"):
        assert ours[name].acceptable >= 0.9
        assert ours[name].regret <= 1.5
    everywhere = {item.name: item for item in result.all_rows}
    for name in ("knowhow", "knowhow, study left out", "knowhow, next measured"):
        assert everywhere[name].acceptable >= 0.9
        assert everywhere[name].acceptable_micro >= 0.9
    for rival in ("goal only, fixed", "goal only, fitted", "five questions", "always rag", "always hybrid"):
        assert ours["knowhow"].acceptable > ours[rival].acceptable
        assert ours["knowhow"].regret < ours[rival].regret


def test_calibration_is_reported_in_bins_that_hold_every_scored_row():
    evidence = load_evidence()
    calibration = run_backtest().calibration
    assert sum(item.rows for item in calibration.bins) == 198
    assert all(0 <= item.stated <= 1 and 0 <= item.found <= 1 for item in calibration.bins)
    assert calibration.expected_error < 0.1
    assert measure_calibration([], evidence.cases).bins == ()


def test_lines_that_stand_on_one_study_are_found():
    evidence = load_evidence()
    assert "form_at_ceiling" in rules_standing_on("loraland2024", evidence)
    assert rules_standing_on("ovadia2023", evidence) == frozenset()


@pytest.mark.parametrize(
    ("answers", "family"),
    [
        (Answers(Goal.KNOWLEDGE), Family.RAG),
        (Answers(Goal.BEHAVIOUR, examples=500), Family.FINE_TUNE),
        (Answers(Goal.BEHAVIOUR, examples=5), Family.PROMPT),
        (Answers(Goal.BOTH, examples=500), Family.HYBRID),
        (Answers(Goal.BOTH, examples=5), Family.RAG),
        (Answers(Goal.BEHAVIOUR, citations=Tri.YES, examples=500), Family.HYBRID),
    ],
)
def test_the_plain_five_question_rule(answers, family):
    assert name_by_five_questions(answers) is family
