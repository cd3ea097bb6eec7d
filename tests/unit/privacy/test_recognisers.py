from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.errors import ConfigError
from knowhow.privacy.checksums import is_credit_code, is_iban, is_luhn, is_resident_id
from knowhow.privacy.recognisers import find_personal_data, mask_personal_data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to zhang.wei@example.com today", [("email", "zhang.wei@example.com")]),
        ("卡号4111111111111111，谢谢", [("card", "4111111111111111")]),
        ("card 4111 1111 1111 1111.", [("card", "4111 1111 1111 1111")]),
        ("卡号４１１１１１１１１１１１１１１１", [("card", "４１１１１１１１１１１１１１１１")]),
        ("地址10.1.2.3是内网", [("ip", "10.1.2.3")]),
        ("电话13812345678请拨打", [("phone", "13812345678")]),
        ("电话+86 138-1234-5678", [("phone", "+86 138-1234-5678")]),
        ("拨打010-62345678咨询", [("phone", "010-62345678")]),
        ("Call +44 20 7946 0958 now", [("phone", "+44 20 7946 0958")]),
        ("Call (212) 555-0123", [("phone", "(212) 555-0123")]),
        ("身份证11010519491231002X。", [("resident_id", "11010519491231002X")]),
        ("订单110105194912310021", []),
        ("IBAN GB82 WEST 1234 5698 7654 32", [("iban", "GB82 WEST 1234 5698 7654 32")]),
        ("SSN 219-09-9999", [("ssn", "219-09-9999")]),
        ("SSN 000-12-3456", []),
        ("信用代码91350100M000100Y43", [("credit_code", "91350100M000100Y43")]),
        ("车牌粤B12345在此", [("plate", "粤B12345")]),
        ("护照号码：E12345678", [("passport", "E12345678")]),
        ("Dear Mrs. Anna Schmidt,", [("name", "Anna Schmidt")]),
        ("姓名：李小明 男", [("name", "李小明")]),
        ("The fee is 1,250.00 EUR since 2024-05-01, section 4.1.2.3", []),
        ("The host is 4.1.2.3:8080.", [("ip", "4.1.2.3")]),
        ("version 1.2.3", []),
        ("order 1234567890123456", []),
        ("卡号4111111111111111邮箱a@example.com", [("card", "4111111111111111"), ("email", "a@example.com")]),
        ("from fe80::1 to 2001:db8::7334", [("ip", "fe80::1"), ("ip", "2001:db8::7334")]),
    ],
)
def test_find(text: str, expected: list[tuple[str, str]]) -> None:
    found = find_personal_data(text)
    assert [(item.kind, item.text) for item in found] == expected
    assert all(text[item.start : item.end] == item.text for item in found)


def test_masking_keeps_everything_else() -> None:
    assert mask_personal_data("mail a@b.example or 13812345678!") == "mail [email] or [phone]!"
    assert mask_personal_data("mail a@b.example", kinds=("phone",)) == "mail a@b.example"
    assert mask_personal_data("case KB-77", custom={"case": r"KB-\d+"}) == "case [case]"
    with pytest.raises(ConfigError, match="not a regular expression"):
        mask_personal_data("x", custom={"case": "("})


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_luhn, "79927398713", "79927398710"),
        (is_iban, "DE89370400440532013000", "DE88370400440532013000"),
        (is_resident_id, "11010519491231002X", "110105194913310021"),
        (is_credit_code, "91350100M000100Y43", "91350100M000100Y44"),
    ],
)
def test_check_digits(check: object, good: str, bad: str) -> None:
    assert callable(check)
    assert check(good)
    assert not check(bad)


@given(st.text(max_size=200))
def test_spans_are_ordered_disjoint_and_exact(text: str) -> None:
    found = find_personal_data(text)
    assert all(item.text == text[item.start : item.end] for item in found)
    assert all(first.end <= second.start for first, second in itertools.pairwise(found))


@given(
    before=st.text(alphabet="中文客户的，。", max_size=10),
    after=st.text(alphabet="号码谢谢，。", max_size=10),
)
def test_neighbouring_chinese_text_never_hides_a_number(before: str, after: str) -> None:
    text = f"{before}4111111111111111{after}"
    assert [item.kind for item in find_personal_data(text)] == ["card"]
