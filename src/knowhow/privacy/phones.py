"""Telephone numbers: international, North American, Chinese landlines, and national forms where they are called so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowhow.privacy.context import is_labelled_otherwise, is_labelled_phone
from knowhow.privacy.numbers import find_mobiles
from knowhow.privacy.spans import Span

_RIGHT = r"(?![0-9A-Za-z])(?![.,][0-9])"
_EXTENSION = r"(?:\s?(?:转|轉|分机|ext\.?|extension|x|-|#)\s?[0-9]{1,6})?"

_INTERNATIONAL = re.compile(
    r"(?<![0-9A-Za-z+])(?:\+\s?|00)[1-9][0-9]{0,2}(?:[ ./-]{0,2}\(?[0-9]{1,11}\)?){1,7}"
    + _EXTENSION
    + _RIGHT,
    re.IGNORECASE,
)
_CHINESE_MOBILE = re.compile(
    r"(?<![0-9A-Za-z+])\(?(?:\+\s?|00)?86\)?[ -]{0,2}(?:1[3-9][0-9](?:[ -]?[0-9]{4}){2}|1[3-9][0-9]{2}[ -][0-9]{3}[ -][0-9]{4})"
    + _RIGHT
)
_AREA = r"(?:010|02[0-57-9]|0[3-9][0-9]{2})"
_LANDLINE = re.compile(
    rf"(?<![0-9A-Za-z+])(?<![0-9A-Za-z][.-])(?:(?:\+\s?|00)?86[ -]?)?(?:\({_AREA}\)[ -]?|{_AREA}[ -]{{1,2}})[2-8][0-9]{{2,3}}[ -]?[0-9]{{4}}{_EXTENSION}{_RIGHT}",
    re.IGNORECASE,
)
_JOINED_LANDLINE = re.compile(
    rf"(?<![0-9A-Za-z+])(?<![0-9A-Za-z][.-]){_AREA}[2-8][0-9]{{6,7}}{_EXTENSION}{_RIGHT}", re.IGNORECASE
)
_NORTH_AMERICAN = re.compile(
    r"(?<![0-9A-Za-z+])(?<![0-9A-Za-z][.-])(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
    + _EXTENSION
    + _RIGHT,
    re.IGNORECASE,
)
_NATIONAL = re.compile(
    r"(?<![0-9A-Za-z+-])(?<![0-9][.,])(?!0[0-9]{2}-[0-9]{2}-[0-9]{4})\(?0[1-9][0-9]{0,3}\)?(?:[ ./-][0-9]{2,4}){2,4}"
    + _RIGHT
)
_LABELLED = re.compile(
    r"(?<![0-9A-Za-z+])(?<![0-9][.,])\(?\+?[0-9]{1,5}\)?(?:[ ./-]{0,3}\(?[0-9]{1,5}\)?){1,6}"
    + _EXTENSION
    + _RIGHT,
    re.IGNORECASE,
)
_LABEL_AFTER = re.compile(
    r"[\s,;:(-]{1,3}(?:office|fax|mobile|cell|phone|tel|home|work|desk|direct|手机|电话|传真)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)?[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2}(?![0-9])"
)
_IP = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}$")


def find_phones(text: str) -> Iterator[Span]:
    """Yield telephone numbers; overlapping candidates come with the surer first."""
    yield from _find(_CHINESE_MOBILE, text, 11, 15)
    yield from _find(_INTERNATIONAL, text, 8, 16)
    yield from find_mobiles(text)
    yield from _find(_LANDLINE, text, 9, 20)
    for start, end in _find(_JOINED_LANDLINE, text, 10, 18):
        if is_labelled_phone(text, start):
            yield start, end
    yield from _find(_NORTH_AMERICAN, text, 10, 17)
    for start, end in _find(_NATIONAL, text, 9, 12):
        if not _DATE.match(text, start):
            yield start, end
    for start, end in _find(_LABELLED, text, 7, 16):
        is_called = is_labelled_phone(text, start) or _LABEL_AFTER.match(text, end)
        if is_called and not _DATE.match(text, start) and not _IP.match(text[start:end]):
            yield start, end


def _find(pattern: re.Pattern[str], text: str, least: int, most: int) -> Iterator[Span]:
    for match in pattern.finditer(text):
        start, end = _balance(text, *match.span())
        digits = sum(character.isdigit() for character in text[start:end])
        if least <= digits <= most and not is_labelled_otherwise(text, start):
            yield start, end


def _balance(text: str, start: int, end: int) -> Span:
    """Leave out a bracket at either end that has no partner inside."""
    if text[start] == "(" and ")" not in text[start:end]:
        start += 1
    if text[end - 1] == ")" and "(" not in text[start:end]:
        end -= 1
    return start, end
