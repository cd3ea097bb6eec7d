"""Check digits of identifiers: a number that fails its own rule is not personal data but an order number."""

from __future__ import annotations

import ipaddress
from datetime import date


def is_luhn(digits: str) -> bool:
    """Say whether a digit string passes the Luhn check of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_payment_card(digits: str) -> bool:
    """Say whether a digit string is a plausible card number: length, issuer range and Luhn."""
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and is_luhn(digits)


def is_resident_id(number: str) -> bool:
    """Say whether 18 characters are a Chinese resident identity number: date and check character of GB 11643-1999."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if (
        len(number) != 18
        or not number[:17].isdigit()
        or not "11" <= number[:2] <= "82"
        or not _is_date(number[6:14])
    ):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def is_iban(text: str) -> bool:
    """Say whether a text without spaces is an IBAN: remainder 1 modulo 97 (ISO 13616)."""
    moved = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def is_credit_code(code: str) -> bool:
    """Say whether 18 characters are a unified social credit code: check character of GB 32100-2015."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    if len(code) != 18 or any(character not in alphabet for character in code):
        return False
    total = sum(alphabet.index(character) * pow(3, place, 31) for place, character in enumerate(code[:17]))
    return alphabet[(31 - total % 31) % 31] == code[17]


def is_ip_address(text: str) -> bool:
    """Say whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_social_security_number(digits: str) -> bool:
    """Say whether nine digits lie in the ranges of United States social security numbers that are ever issued."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _is_date(digits: str) -> bool:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return 1900 <= day.year <= date.max.year
