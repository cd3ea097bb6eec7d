from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.language import detect, is_cjk, sentences, words


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("How do I dispute a card payment?", "en"),
        ("信用卡丢失了怎么办？", "zh-Hans"),
        ("信用卡遺失了怎麼辦？", "zh-Hant"),
        ("カードをなくしました", "ja"),
        ("Wie kündige ich mein Konto bei der Bank?", "de"),
        ("Comment puis-je fermer mon compte bancaire ?", "fr"),
        ("", ""),
        ("   \n", ""),
    ],
)
def test_detect(text: str, code: str) -> None:
    assert detect(text) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The fee is 3.5% of EUR 1,000.", ["the", "fee", "is", "3.5", "of", "eur", "1,000"]),
        ("customer's card", ["customer's", "card"]),
        ("信用卡ABC", ["信", "用", "卡", "abc"]),
        ("ＡＢＣ１２", ["abc12"]),
        ("カード", ["カ", "ー", "ド"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two there! Three?", ["One here.", "Two there!", "Three?"]),
        ("It costs 3.5 EUR per day. Next.", ["It costs 3.5 EUR per day.", "Next."]),
        ("你好。再见！走吧", ["你好。", "再见！", "走吧"]),
        ("他说“好。”然后走了。", ["他说“好。”然后走了。"]),
        ("Heading\n\nText", ["Heading", "Text"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(st.text(max_size=300))
def test_sentences_cover_everything_but_space_in_order(text: str) -> None:
    spans = sentences(text)
    assert spans == sorted(spans)
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())
    assert all(end <= following for (_, end), (following, _) in itertools.pairwise(spans))


def test_is_cjk() -> None:
    assert is_cjk("a卡")
    assert not is_cjk("cafe é")
