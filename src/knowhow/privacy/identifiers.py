"""Identifiers made of letters and digits: e-mail and IP addresses, IBAN, credit code, passports, permits and licence plates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowhow.privacy.checksums import PROVINCES, iban_length, is_credit_code, is_iban, is_ip_address
from knowhow.privacy.context import (
    is_called_passport,
    is_labelled_otherwise,
    is_labelled_passport,
    is_labelled_version,
)
from knowhow.privacy.spans import Span

_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_LETTER = r"A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_AT = r"(?:@|\s?[\[({<]\s?(?:at|AT|@)\s?[\])}>]\s?)"
_DOT = r"(?:\.|\s?[\[({<]\s?(?:dot|DOT|\.)\s?[\])}>]\s?)"
_EMAIL = re.compile(
    rf"(?<![0-9{_LETTER}._%+-])[0-9{_LETTER}][0-9{_LETTER}._%+'-]{{0,63}}{_AT}"
    rf"(?:[0-9{_LETTER}](?:[0-9{_LETTER}-]{{0,61}}[0-9{_LETTER}])?{_DOT}){{1,6}}(?:[{_LETTER}]{{2,24}}|xn--[0-9A-Za-z-]{{2,59}})(?![0-9{_LETTER}])"
)
_URL = re.compile(r"(?<![0-9A-Za-z@])(?:https?://|www\.)[^\s<>\"'，。；（）]+", re.IGNORECASE)
_IBAN = re.compile(_LEFT + r"[A-Za-z]{2}[0-9]{2}(?=[ -]?[0-9A-Za-z])")
_CREDIT_CODE = re.compile(
    _LEFT + r"[1-9ANY][1-9][ -]?[0-9]{6}[ -]?[0-9A-HJ-NP-RT-UW-Y]{8}[ -]?[0-9A-HJ-NP-RT-UW-Y]{2}" + _RIGHT
)
_IP4 = re.compile(
    r"(?:(?<![0-9A-Za-z.])|(?<=IP)|(?<=ip))(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z])(?!\.[0-9A-Za-z])"
)
_IP6 = re.compile(
    r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})(?![0-9A-Za-z:])"
)
_CHINESE_PASSPORT = re.compile(_LEFT + r"(?:[EGeg][0-9]{8}|[Ee][A-HJ-NP-Za-hj-np-z][0-9]{7})" + _RIGHT)
_TRAVEL_PERMIT = re.compile(
    _LEFT
    + r"(?:[A-Za-z]{1,2}[ -]?[0-9]{6,10}|[A-Za-z]{3}[0-9]{6,12}|[0-9]{8,9}|[A-Za-z][0-9]{2}[A-Za-z]{2}[0-9]{4})"
    + _RIGHT
)
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使"
_PLATE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Za-hj-np-z][ ·•・.-]?(?P<rest>[A-HJ-NP-Za-hj-np-z0-9]{{5,6}}|[A-HJ-NP-Za-hj-np-z0-9]{{4}}[学警港澳领挂试超])(?![0-9A-Za-z])"
)
_OLD_EMBASSY_PLATE = re.compile(r"使[0-9]{6}(?![0-9A-Za-z])")
_NEW_ENERGY = re.compile(r"[A-HJ-NP-Z][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJ-NP-Z]", re.IGNORECASE)
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]")


def find_emails(text: str) -> Iterator[Span]:
    """Yield e-mail addresses, also with [at] and [dot]."""
    return (match.span() for match in _EMAIL.finditer(text))


def find_ibans(text: str) -> Iterator[Span]:
    """Yield IBANs: as many characters as the country has, whatever stands behind them."""
    for match in _IBAN.finditer(text):
        wanted, end, plain = iban_length(match[0][:2]), match.start(), ""
        while wanted and end < len(text) and len(plain) < wanted:
            character = text[end]
            if character.isascii() and character.isalnum():
                plain += character
            elif character not in " -" or (end > match.start() and text[end - 1] in " -"):
                break
            end += 1
        is_whole = end >= len(text) or not (text[end].isascii() and text[end].isalnum())
        if wanted and is_whole and is_iban(plain):
            yield match.start(), end


def find_credit_codes(text: str) -> Iterator[Span]:
    """Yield Chinese unified social credit codes."""
    for match in _CREDIT_CODE.finditer(text):
        code = _NOT_ALPHANUMERIC.sub("", match[0])
        if (code[2:4] in PROVINCES or code[2:4] == "10") and is_credit_code(code):
            yield match.span()


def find_ip_addresses(text: str) -> Iterator[Span]:
    """Yield IPv4 and IPv6 addresses; four numbers that are called a version or a section are none."""
    for match in _IP6.finditer(text):
        if sum(character.isalnum() for character in match[0]) >= 4 and is_ip_address(match[0]):
            yield match.span()
    for match in _IP4.finditer(text):
        if is_ip_address(match[0]) and not is_labelled_version(text, match.start()):
            yield match.span()


def find_passports(text: str) -> Iterator[Span]:
    """Yield passports and travel permits: ordinary Chinese passports as they are, others where they are called so."""
    for match in _CHINESE_PASSPORT.finditer(text):
        if not is_labelled_otherwise(text, match.start()):
            yield match.span()
    for match in _TRAVEL_PERMIT.finditer(text):
        if is_labelled_passport(text, match.start()) or is_called_passport(text, match.end()):
            yield match.span()


def find_plates(text: str) -> Iterator[Span]:
    """Yield licence plates of mainland China, new-energy and special ones included."""
    for match in _PLATE.finditer(text):
        rest = match["rest"]
        digits = sum(character.isdigit() for character in rest)
        is_ordinary = len(rest) == 5 and digits >= 3 - (not rest[-1].isascii())
        if is_ordinary or (len(rest) == 6 and _NEW_ENERGY.fullmatch(rest)):
            yield match.span()
    for match in _OLD_EMBASSY_PLATE.finditer(text):
        yield match.span()


def find_urls(text: str) -> Iterator[Span]:
    """Yield web addresses."""
    for match in _URL.finditer(text):
        yield match.start(), match.start() + len(match[0].rstrip(".,;:!?)'\""))
