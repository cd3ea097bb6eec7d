"""Identifiers made of digits: payment cards, resident identity numbers, mobile and social security numbers.

Digits are read as runs of groups, so that a blank or hyphen inside a number hides nothing and two numbers side by side stay two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from knowhow.privacy.checksums import (
    has_area_and_birthday,
    is_old_resident_id,
    is_payment_card,
    is_resident_id,
    is_social_security_number,
)
from knowhow.privacy.context import (
    is_in_chinese,
    is_labelled_card,
    is_labelled_identity,
    is_labelled_otherwise,
    is_labelled_passport,
    is_labelled_social_security,
)
from knowhow.privacy.spans import Span

_RUN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.,])[0-9]+(?:[ ./·-]{1,3}[0-9]+)*[Xx]?(?![0-9A-Za-z])")
_CODE_BEFORE = re.compile(r"[0-9A-Za-z][-_/#]$")
_MONEY_BEFORE = re.compile(
    r"(?:[¥￥$€£]|RMB|CNY|USD|EUR|金额|人民币|价格|共计|合计)[\s:：为]*$", re.IGNORECASE
)
_MONEY_AFTER = re.compile(
    r"[.,][0-9]|\s?(?:元|万|亿|美元|股|个|人|次|件|吨|笔|份|台|套|项|字节|毫秒|秒|米|公里|%|USD|RMB|CNY|EUR)"
)
_GROUP = re.compile(r"[0-9]+[Xx]?")
_MOST_GROUPS = 19
_MOST_DIGITS = 19

_MOBILE = re.compile(r"1(?:3[0-9]|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}")
_MOBILE_SHAPES = {(11,), (3, 4, 4), (4, 3, 4), (3, 8), (7, 4), (3, 3, 5), (5, 6), (4, 4, 3), (1,) * 11}
_CARD_SHAPES = {(4, 4, 4), (4, 6, 5), (4, 6, 4), (6, 13), (6, 10), (6, 12), (6, 11), (8, 8)}
_SOCIAL_SECURITY_SHAPES = {(3, 2, 4), (9,)}

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Neighbouring groups of a run read as one number."""

    text: str
    start: int
    end: int
    digits: str
    shape: Shape
    separators: tuple[str, ...]


def find_cards(text: str) -> Iterator[Span]:
    """Yield payment cards: written together, in fours, or as their issuers group them."""
    return _find(text, 13, _is_card)


def find_resident_ids(text: str) -> Iterator[Span]:
    """Yield Chinese resident identity numbers of 18 and 15 characters."""
    return _find(text, 15, _is_resident)


def find_mobiles(text: str) -> Iterator[Span]:
    """Yield Chinese mobile numbers without a country code."""
    return _find(text, 11, _is_mobile)


def find_social_security_numbers(text: str) -> Iterator[Span]:
    """Yield United States social security numbers: in their own form, or nine digits that are called so."""
    return _find(text, 9, _is_social_security)


def _is_card(found: _Candidate) -> bool:
    shape = found.shape
    is_shaped = len(shape) == 1 or shape in _CARD_SHAPES or _is_in_fours(shape)
    return (
        is_shaped
        and _is_even(found)
        and not {".", "/"} & set(found.separators)
        and is_payment_card(found.digits)
        and not _looks_like_resident(found)
        and not is_labelled_otherwise(found.text, found.start)
    )


def _is_in_fours(shape: Shape) -> bool:
    return len(shape) >= 4 and all(group == 4 for group in shape[:-1]) and 1 <= shape[-1] <= 7


def _is_resident(found: _Candidate) -> bool:
    if len(found.shape) > 6 or not _is_even(found):
        return False
    if len(found.digits) == 18:
        return is_resident_id(found.digits)
    return (
        found.shape in {(15,), (6, 6, 3), (6, 9)}
        and is_old_resident_id(found.digits)
        and _is_called_resident(found)
        and not _is_other(found)
    )


def _looks_like_resident(found: _Candidate) -> bool:
    """Say whether 18 digits are an identity number with a wrong check digit rather than a card: area and date fit by chance in 1 of 400."""
    return (
        len(found.digits) == 18
        and found.digits[6:8] in ("19", "20")
        and has_area_and_birthday(found.digits)
        and not is_labelled_card(found.text, found.start)
    )


def _is_called_resident(found: _Candidate) -> bool:
    """Say whether 15 digits without a check digit stand where an identity number is to be expected."""
    if is_labelled_identity(found.text, found.start):
        return True
    return (
        is_in_chinese(found.text, found.start, found.end)
        and not is_labelled_card(found.text, found.start)
        and not is_payment_card(found.digits)
    )


def _is_mobile(found: _Candidate) -> bool:
    return (
        found.shape in _MOBILE_SHAPES
        and _is_even(found)
        and _MOBILE.fullmatch(found.digits) is not None
        and not _is_other(found)
        and not is_labelled_passport(found.text, found.start)
    )


def _is_social_security(found: _Candidate) -> bool:
    if found.shape not in _SOCIAL_SECURITY_SHAPES or not is_social_security_number(found.digits):
        return False
    if found.shape == (3, 2, 4) and set(found.separators) == {"-"}:
        return not is_labelled_otherwise(found.text, found.start)
    return is_labelled_social_security(found.text, found.start)


def _is_other(found: _Candidate) -> bool:
    """Say whether a number without a check digit is part of a code, an amount of money, or called something else."""
    before = found.text[max(0, found.start - 8) : found.start]
    return bool(
        _CODE_BEFORE.search(before)
        or _MONEY_BEFORE.search(before)
        or _MONEY_AFTER.match(found.text, found.end)
        or is_labelled_otherwise(found.text, found.start)
    )


def _is_even(found: _Candidate) -> bool:
    """Say whether one kind of separator stands between all groups: a changing one means several numbers."""
    return len(set(found.separators)) <= 1


def _find(text: str, least: int, is_wanted: Callable[[_Candidate], bool]) -> Iterator[Span]:
    for run in _RUN.finditer(text):
        if run.end() - run.start() < least:
            continue
        groups = [(group.start(), group.end()) for group in _GROUP.finditer(text, run.start(), run.end())]
        place = 0
        while place < len(groups):
            found = _longest(text, groups, place, least, is_wanted)
            if found is None:
                place += 1
            else:
                yield found[0]
                place += found[1]


def _longest(
    text: str, groups: Sequence[Span], place: int, least: int, is_wanted: Callable[[_Candidate], bool]
) -> tuple[Span, int] | None:
    """Return the longest number that begins with a group, and of how many groups it is made."""
    ends: list[int] = []
    total = 0
    for start, end in groups[place : place + _MOST_GROUPS]:
        total += end - start
        if total > _MOST_DIGITS:
            break
        ends.append(end)
    for count in range(len(ends), 0, -1):
        chosen = groups[place : place + count]
        shape = tuple(end - start for start, end in chosen)
        if sum(shape) < least:
            return None
        separators = tuple(text[first[1] : second[0]].strip() for first, second in pairwise(chosen))
        digits = "".join(text[start:end] for start, end in chosen)
        if not digits[:-1].isdigit() or (digits[-1] in "Xx" and least != 15):
            continue
        span = (chosen[0][0], chosen[-1][1])
        if is_wanted(_Candidate(text, *span, digits, shape, separators)):
            return span, count
    return None
