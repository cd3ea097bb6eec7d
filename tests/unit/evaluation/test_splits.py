"""Splits: no leak, stable under additions, stratified, explicit splits honoured."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.errors import DataError
from knowhow.evaluation.duplicates import find_near_duplicates, normalise
from knowhow.evaluation.splits import split_examples, split_from_json
from knowhow.types import Evidence, Example

TOPICS = ["rent", "loan", "card", "fees", "tax", "visa", "parking", "library", "garden", "school"]


def example(
    number: int, document: str = "", *, intent: str = "", answerable: bool = True, split: str = ""
) -> Example:
    question = f"What does rule {number} say about {TOPICS[number % 10]} of section {number * 7919 % 1000}?"
    evidence = (Evidence(document),) if document else ()
    return Example(f"e{number}", question, ("x",), evidence, intent, answerable, split=split)


@st.composite
def example_lists(draw: st.DrawFn) -> list[Example]:
    size = draw(st.integers(4, 60))
    return [
        example(
            number,
            f"d{draw(st.integers(0, 20))}",
            intent=draw(st.sampled_from(["a", "b"])),
            answerable=draw(st.booleans()),
        )
        for number in range(size)
    ]


@given(example_lists())
def test_nothing_leaks_and_nothing_is_lost(examples: list[Example]) -> None:
    try:
        split = split_examples(examples)
    except DataError:
        return
    assert sorted(split.train + split.held_out) == sorted(item.id for item in examples)
    assert not set(split.train) & set(split.held_out)
    if split.by.startswith("evidence"):
        documents = {item.id: item.evidence[0].document for item in examples}
        assert not {documents[row] for row in split.train} & {documents[row] for row in split.held_out}
        assert not split.leaks


@given(example_lists(), st.randoms())
def test_the_order_of_rows_does_not_matter(examples: list[Example], random: object) -> None:
    shuffled = list(examples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    try:
        split = split_examples(examples)
    except DataError:
        return
    assert split_examples(shuffled).digest == split.digest


def test_additions_move_no_old_row() -> None:
    examples = [example(number, f"d{number}", intent=TOPICS[number % 3]) for number in range(300)]
    before, after = split_examples(examples[:200]), split_examples(examples)
    assert set(before.held_out) <= set(after.held_out)
    assert set(before.train) <= set(after.train)


def test_the_share_is_kept_in_every_stratum() -> None:
    examples = [
        example(number, f"d{number}", intent=TOPICS[number % 2], answerable=number % 5 != 0)
        for number in range(1000)
    ]
    split = split_examples(examples, 0.3)
    assert len(split.strata) == 4
    for train, held_out in split.strata.values():
        assert 0.2 < held_out / (train + held_out) < 0.4


def test_a_small_stratum_stands_on_both_sides() -> None:
    common = [example(number, f"d{number}") for number in range(50)]
    rare = [example(100 + number, f"r{number}", intent="rare") for number in range(2)]
    assert split_examples(common + rare).strata["rare / answerable"] == (1, 1)


def test_near_duplicates_stay_together() -> None:
    questions = [
        "How do I open a savings account online today?",
        "How do I open a savings account online today ??",
    ]
    for salt in "abcdefgh":
        rows = [Example(f"p{place}", text, ("x",)) for place, text in enumerate(questions)]
        split = split_examples([*rows, *(example(number) for number in range(40))], salt=salt)
        assert {"p0", "p1"} <= set(split.train) or {"p0", "p1"} <= set(split.held_out)


def test_one_document_for_all_falls_back_to_questions() -> None:
    split = split_examples([example(number, "only") for number in range(40)])
    assert split.by == "question"
    assert split.train
    assert {leak.kind for leak in split.leaks} == {"evidence"}


def test_explicit_splits_are_kept_and_their_leaks_reported() -> None:
    rows = [
        example(1, "d1", split="train"),
        replace(example(1, "d9", split="held_out"), id="copy"),
        example(2, "d2", split="held_out"),
        example(3, "d1"),
        example(4, "d2", split="train"),
        *(example(number, f"d{number}") for number in range(20, 40)),
    ]
    split = split_examples(rows)
    assert {"e1", "e3", "e4"} <= set(split.train)
    assert {"copy", "e2"} <= set(split.held_out)
    assert {(leak.train_id, leak.held_out_id, leak.kind) for leak in split.leaks} == {
        ("e1", "copy", "question"),
        ("e4", "e2", "evidence"),
    }
    assert "1 rows without a split" in split.notes[0]


def test_nothing_held_out_is_an_error() -> None:
    with pytest.raises(DataError, match="No example is held out"):
        split_examples([example(number, split="train") for number in range(5)])


def test_a_frozen_split_reads_back_equal() -> None:
    split = split_examples([example(number, f"d{number % 9}") for number in range(40)])
    assert split_from_json(asdict(split)) == split


@given(st.lists(st.text(alphabet="abc de", max_size=24), max_size=14))
def test_near_duplicates_equal_brute_force(texts: list[str]) -> None:
    def shingles(text: str) -> set[str]:
        tokens = normalise(text).split() or [text.strip()]
        return {*tokens, *(f"{one} {other}" for one, other in itertools.pairwise(tokens))}

    keyed = {str(place): text for place, text in enumerate(texts)}
    expected = set()
    for one in keyed:
        for other in keyed:
            if int(one) < int(other):
                left, right = shingles(keyed[one]), shingles(keyed[other])
                if len(left & right) / len(left | right) >= 0.75:
                    expected.add((one, other))
    assert {pair[:2] for pair in find_near_duplicates(keyed)} == expected
