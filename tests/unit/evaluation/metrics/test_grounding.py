import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.evaluation.metrics.claims import (
    find_names,
    find_numbers,
    unsupported_months,
    unsupported_names,
    unsupported_numbers,
)
from knowhow.evaluation.metrics.grounding import grounding, hallucination_rate
from knowhow.evaluation.metrics.support import FLOOR, assess, overall_support
from knowhow.types import Answer, Chunk, Evidence, Example, Hit

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).parents[5] / "shared" / "data"))
PASSAGE = (
    "Harbour Bank reported sales of $2,400 million in March 2021, an increase of 17.4% over last year. The board approved the "
    "merger with Peacock Automotive. The chief executive expects growth to accelerate before the summer."
)


def support(text, passage=PASSAGE):
    return overall_support(assess(text, [passage]))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Harbour Bank reported sales of $2,600 million in March 2021.", "number"),
        ("Harbour Bank reported sales of $2,400 billion in March 2021.", "number"),
        ("Harbour Bank reported an increase of 18% over last year.", "number"),
        ("Harbour Bank reported sales of $2,400 million in April 2021.", "date"),
        ("The board approved the merger with Peacock Ventures.", "name"),
        ("The board did not approve the merger with Peacock Automotive.", "negation"),
        ("Harbour Bank reported a decrease of 17.4% over last year.", "opposite"),
        ("The board rejected the merger with Peacock Automotive.", "opposite"),
        ("The chief executive expects growth to accelerate after the summer.", "opposite"),
    ],
)
def test_small_changes_of_fact_are_found_by_rule(text, kind):
    (sentence,) = assess(text, [PASSAGE])
    assert kind in {conflict.partition(":")[0] for conflict in sentence.conflicts}
    assert sentence.support < FLOOR


@pytest.mark.parametrize(
    "text",
    [
        "Harbour Bank reported sales of $2.4 billion in March 2021.",
        "Harbour Bank's sales showed an increase of about 17% over last year.",
        "The board approved the merger with Peacock Automotive.",
        "The chief executive expects growth to accelerate before the summer.",
    ],
)
def test_faithful_sentences_are_supported_and_without_conflict(text):
    (sentence,) = assess(text, [PASSAGE])
    assert sentence.conflicts == ()
    assert sentence.support >= FLOOR


@pytest.mark.parametrize(
    ("text", "is_supported"),
    [
        ("本行手续费为3.5%，于2021年5月起执行。", True),
        ("本行手续费为4.5%，于2021年5月起执行。", False),
        ("本行不收手续费。", False),
        ("存款利率上升。", False),
    ],
)
def test_chinese(text, is_supported):
    passage = "自2021年5月起，本行手续费为3.5%。存款利率下降。"
    assert (support(text, passage) >= FLOOR) == is_supported


def test_numbers_dates_and_names_by_hand():
    assert [(n.value, n.text) for n in find_numbers("1,234.5 and 3 million, twelve, ２０万")] == [
        (1234.5, "1,234.5"),
        (3e6, "3 million"),
        (200000.0, "20万"),
        (12.0, "twelve"),
    ]
    assert unsupported_numbers("about 18 and 17.9", find_numbers("17.94"), "17.94") == []
    assert unsupported_numbers("3 of 17.8", find_numbers("3.4 of 17.94"), "3.4 of 17.94") == ["3", "17.8"]
    assert unsupported_numbers("1. Pay.\n2) Wait 4 days.", find_numbers("4"), "4") == []
    assert unsupported_months("In May and June", "2021-05-03") == ["June"]
    assert find_names("The Bank of York met IBM. Today I left.") == ["Bank", "York", "IBM"]
    assert find_names("客户经理使用Excel和インターネット") == ["Excel", "インターネット"]
    assert unsupported_names("We told the EIA and Yorks.", "Energy Information Administration in York") == []


def test_metrics_weigh_sentences_and_fall_back_on_the_examples_quotes():
    hits = (Hit(Chunk("c", "d", PASSAGE, 0, len(PASSAGE)), 1.0),)
    good, bad = "The board approved the merger with Peacock Automotive.", "Zebras dance."
    example = Example("1", "?")
    assert grounding(example, Answer(good, hits=hits)) == pytest.approx(1.0)
    assert grounding(example, Answer(f"{good} {bad}", hits=hits)) == pytest.approx(8 / 10)
    assert hallucination_rate(example, Answer(f"{good} {bad}", hits=hits)) == 0.5
    assert grounding(example, Answer(good)) == 0.0
    assert grounding(Example("1", "?", evidence=(Evidence("d", PASSAGE),)), Answer(good)) == pytest.approx(
        1.0
    )
    assert grounding(example, Answer("Not in the documents.", abstained=True, hits=hits)) is None
    assert hallucination_rate(example, Answer("", error="boom")) is None


_TEXTS = st.text(alphabet=st.sampled_from("ab Z.!?\n 1２9,%[]()不没是东京アイ'’-$é"), max_size=120)


@settings(max_examples=150, deadline=None)
@given(_TEXTS, st.lists(_TEXTS, max_size=3))
def test_any_text_gets_a_support_between_zero_and_one(text, passages):
    for sentence in assess(text, passages):
        assert 0.0 <= sentence.support <= 1.0
        assert 0 <= sentence.start < sentence.end <= len(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            (
                "The fee",
                "of 3 euros",
                "is due",
                "in May",
                "not",
                "never",
                "York",
                "Bank",
                "2021",
                "更多",
                "手续费",
                "不收",
            )
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_copy_of_the_evidence_is_fully_supported(tokens):
    text = " ".join(tokens) + "."
    assert support(text, text) == pytest.approx(1.0)


@pytest.mark.data
def test_agreement_with_people_on_the_public_sets():
    if not (DATA / "hallu_begin_wow_en").is_dir():
        pytest.skip(f"No data sets at {DATA}: set KNOWHOW_DATA.")
    from benchmarks.grounding import measure

    figures = {name: figure.whole for name, figure in measure(DATA).items()}
    assert figures["hallu_begin_wow_en"] >= 0.94
    assert figures["hallu_wice_en"] >= 0.75
    assert figures["hallu_summedits_business_en"] >= 0.55
    assert figures["judge_mtrag_human_en"] >= 0.66


@pytest.mark.data
def test_small_changes_to_real_sentences_are_found_without_false_alarms():
    if not (DATA / "cmrc2018_zh").is_dir():
        pytest.skip(f"No data sets at {DATA}: set KNOWHOW_DATA.")
    from benchmarks.grounding_changes import measure_changes

    for found in measure_changes(DATA, size=80).values():
        assert found["untouched"].by_rule <= 0.01
        assert found["untouched"].below_floor <= 0.01
        assert found["number"].by_rule >= 0.96
        assert found["negation"].by_rule >= 0.88
