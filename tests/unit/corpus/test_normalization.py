import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.corpus.normalization import clean, clean_line


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00b\x07c\x1bd\x9be", "abcde"),
        ("one\u2028two\x0cthree", "one\ntwo\nthree"),
        ("no\u00a0break\u2009space", "no break space"),
        ("pass\u200bword\u00ad\ufeff", "password"),
        ("abc\u202edcba", "abcdcba"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\u2f42\u4ef6 of\ufb01ce", "文件 office"),
        ("a   \n\n\n\n\nb\t\n", "a\n\nb"),
        ("\n\n  indented", "  indented"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_text_is_cleaned(given_text: str, expected: str) -> None:
    assert clean(given_text) == expected


def test_a_line_stays_a_line() -> None:
    assert clean_line("  Fees \n and\tcharges ") == "Fees and charges"


@given(st.text(st.characters(codec=None)))
def test_no_control_character_survives_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert clean(once) == once
    once.encode("utf-8")
