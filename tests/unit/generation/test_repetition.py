"""Loops are found where a text repeats itself without end, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.generation.repetition import find_loop

FEE = "The annual fee is ten dollars. "


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (FEE * 2, None),
        (FEE * 3, FEE.strip()),
        ("Yes. " + FEE * 3, "Yes. " + FEE.strip()),
        ("Yes. " + (FEE * 3)[:-9], None),
        ("Yes." + "0" * 59, None),
        ("Yes." + "0" * 60, "Yes.0"),
        ("a, b and c, " * 4 + "a, b and c, ", "a, b and c,"),
        ("银行卡年费为十元，请按时缴纳，谢谢您的配合。" * 3, "银行卡年费为十元，请按时缴纳，谢谢您的配合。"),
        ("1. First step.\n2. Second step.\n3. Third step.\n4. Fourth step.\n", None),
        ("", None),
    ],
)
def test_loops(text: str, kept: str | None) -> None:
    found = find_loop(text)
    assert (None if found is None else text[:found]) == kept


def test_a_loop_that_begins_in_the_middle_of_a_sentence_is_cut_at_a_sentence() -> None:
    text = ("X " + FEE * 5)[: 2 + 3 * len(FEE) + 12]
    found = find_loop(text)
    assert found is not None
    assert text[:found].endswith("dollars.")


@given(st.text(max_size=80), st.text(min_size=20, max_size=40), st.integers(3, 5))
def test_every_long_unit_said_three_times_is_a_loop_and_the_kept_part_is_a_beginning(
    start: str, unit: str, times: int
) -> None:
    text = start + unit * times
    found = find_loop(text)
    assert found is not None
    assert 0 <= found < len(text)
    assert found <= len(text) - len(unit)
