"""Text to index terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.retrieval.analysis import analyze
from knowhow.retrieval.variants import SIMPLIFIED


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("?! …", []),
        ("The banks are lending", ["bank", "lend"]),
        ("Bank's", ["bank"]),
        ("ＦＵＬＬ Width", ["full", "width"]),
        ("Café Zürich", ["cafe", "zurich"]),
        ("10,000 EUR", ["10000", "eur"]),
        ("1,234,567.89", ["1234567.89"]),
        ("3.5", ["3.5", "3", "5"]),
        ("ISO-9001", ["iso-9001", "iso", "9001"]),
        ("12.3(b)", ["12.3", "12", "3", "b"]),
        ("long-term loan", ["long", "term", "loan"]),
        ("U.S. law", ["us", "law"]),
        ("R&D", ["r&d", "r", "d"]),
        ("C++", ["c++", "c"]),
        ("snake_case", ["snake", "case"]),
        ("贷款", ["贷", "款", "贷款"]),
        ("貸款", ["贷", "款", "贷款"]),
        ("开户", ["开", "户", "开户"]),
        ("の金利は", ["金", "利", "の金", "金利", "利は"]),
        ("カード", ["カ", "ー", "ド", "カー", "ード"]),
        ("ｶｰﾄﾞ", ["カ", "ー", "ド", "カー", "ード"]),
        ("iPhone15的价格", ["iphone15", "的", "价", "格", "的价", "价格"]),
        ("대출", ["대", "출", "대출"]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert analyze(text) == terms


@given(st.text(max_size=200))
def test_any_text_gives_stable_lower_case_terms(text: str) -> None:
    terms = analyze(text)
    assert terms == analyze(text)
    assert all(term and not term.isspace() and term == term.casefold() for term in terms)


@given(st.text(alphabet="银行贷款利率開戶企業 abc", max_size=40))
def test_script_does_not_matter(text: str) -> None:
    assert analyze(text) == analyze(text.translate(SIMPLIFIED))


def test_simplified_forms_are_final() -> None:
    changed = {chr(source) for source in SIMPLIFIED}
    chained = [chr(target) for target in SIMPLIFIED.values() if chr(target) in changed]
    assert chained == []
