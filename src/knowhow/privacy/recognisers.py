r"""Structured personal data by pattern and check digit, in any script.

Look-arounds are ASCII classes on purpose: `\b` takes Chinese characters for word characters and so misses what stands beside them.
Patterns run on a copy in which full-width letters and digits are narrow; every replacement is one character long, so offsets hold.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from knowhow.errors import ConfigError
from knowhow.privacy.checksums import (
    is_credit_code,
    is_iban,
    is_ip_address,
    is_payment_card,
    is_resident_id,
    is_social_security_number,
)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """A found span of personal data: `text[start:end]` is of `kind`."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A pattern with an optional check of the matched text without separators; `group` names what is personal in the match."""

    kind: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    group: int | str = 0


_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_SEPARATORS = re.compile(r"[\s\-.·()（）/]+")
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def _pattern(body: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(_LEFT + body + _RIGHT, flags)


def _has_digits(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: least <= sum(character.isdigit() for character in text) <= most


_NAME = r"[A-Z][\w'’-]+(?:\s+[A-Z][\w'’.-]+){0,2}"

RECOGNISERS: Sequence[Recogniser] = (
    Recogniser(
        "email",
        re.compile(
            r"(?<![0-9A-Za-z._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![0-9A-Za-z])"
        ),
    ),
    Recogniser("iban", _pattern(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?"), is_iban),
    Recogniser(
        "resident_id", _pattern(r"[1-8]\d{5}[ -]?(?:19|20)\d{2}[ -]?\d{4}[ -]?\d{3}[0-9Xx]"), is_resident_id
    ),
    Recogniser("credit_code", _pattern(r"[1-9ANY][1-9A-GY]\d{6}[0-9A-HJ-NP-RT-UW-Y]{10}"), is_credit_code),
    Recogniser("card", _pattern(r"\d(?:[ -]?\d){12,18}"), is_payment_card),
    Recogniser("phone", _pattern(r"(?:(?:\+|00)86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"), _has_digits(11, 15)),
    Recogniser("phone", _pattern(r"0\d{2,3}[ -]\d{7,8}(?:[ -转]\d{1,5})?"), _has_digits(10, 17)),
    Recogniser(
        "phone",
        re.compile(r"(?<![0-9A-Za-z+])(?:\+|00)[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,5}" + _RIGHT),
        _has_digits(8, 15),
    ),
    Recogniser(
        "phone", _pattern(r"(?:\+?1[ .-])?\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}"), _has_digits(10, 11)
    ),
    Recogniser("ssn", _pattern(r"\d{3}-\d{2}-\d{4}"), is_social_security_number),
    Recogniser(
        "ip",
        re.compile(r"(?<![0-9A-Za-z.:])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z.:]*[0-9A-Za-z])"),
        is_ip_address,
    ),
    Recogniser(
        "ip",
        re.compile(r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:])"),
        is_ip_address,
    ),
    Recogniser(
        "passport",
        _pattern(
            r"(?:护照|護照|passport)[^0-9A-Za-z]{0,12}(?:(?:no|number|号码|编号)[^0-9A-Za-z]{0,4})?(?P<value>[A-Z]{1,2}\d{7,8})",
            re.IGNORECASE,
        ),
        None,
        "value",
    ),
    Recogniser(
        "plate",
        re.compile(
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][ ·•]?(?:[A-HJ-NP-Z0-9]{5,6})(?![0-9A-Za-z])"
        ),
    ),
    Recogniser(
        "name", re.compile(rf"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.?\s+(?P<value>{_NAME})"), None, "value"
    ),
    Recogniser(
        "name",
        re.compile(
            r"(?:姓名|客户|联系人|收件人|申请人|持卡人)[:：\s]\s*(?P<value>[\u4e00-\u9fff]{2,4})(?![\u4e00-\u9fff])"
        ),
        None,
        "value",
    ),
)
"""In order of precedence: where two overlap, the earlier in this list wins."""

KINDS = tuple(dict.fromkeys(recogniser.kind for recogniser in RECOGNISERS))


def find_personal_data(
    text: str, kinds: Sequence[str] = (), custom: Mapping[str, str] | None = None
) -> list[PersonalData]:
    """Return non-overlapping spans in order; `kinds` restricts them (none: all), `custom` adds regular expressions by kind."""
    narrow = text.translate(_NARROW)
    taken: list[PersonalData] = []
    for recogniser in [*_custom(custom or {}), *RECOGNISERS]:
        if kinds and recogniser.kind not in kinds:
            continue
        for start, end in _matches(recogniser, narrow):
            place = bisect_left(taken, start, key=lambda found: found.start)
            is_free_left = place == 0 or taken[place - 1].end <= start
            if is_free_left and (place == len(taken) or end <= taken[place].start):
                taken.insert(place, PersonalData(recogniser.kind, start, end, text[start:end]))
    return taken


def mask_personal_data(text: str, kinds: Sequence[str] = (), custom: Mapping[str, str] | None = None) -> str:
    """Return the text with every found span replaced by its kind in square brackets, such as [email]."""
    parts, place = [], 0
    for found in find_personal_data(text, kinds, custom):
        parts += [text[place : found.start], f"[{found.kind}]"]
        place = found.end
    return "".join([*parts, text[place:]])


def _matches(recogniser: Recogniser, text: str) -> Iterator[tuple[int, int]]:
    for match in recogniser.pattern.finditer(text):
        start, end = match.span(recogniser.group)
        if recogniser.check is None or recogniser.check(
            _SEPARATORS.sub("", text[start:end]) if recogniser.kind != "ip" else text[start:end]
        ):
            yield start, end


def _custom(patterns: Mapping[str, str]) -> list[Recogniser]:
    made = []
    for kind, pattern in patterns.items():
        try:
            made.append(Recogniser(kind, re.compile(pattern)))
        except re.error as error:
            raise ConfigError(
                f"[privacy] the pattern for '{kind}' is not a regular expression: {error}. Mend it."
            ) from error
    return made
