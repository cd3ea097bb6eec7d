"""Check digits of identifiers: a number that fails its own rule is not personal data but an order number."""

from __future__ import annotations

import ipaddress
from datetime import date

PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
"""First two digits of resident identity numbers (GB/T 2260, with 81 to 83 for residents of Hong Kong, Macau and Taiwan)."""

_IBAN_LENGTHS = {
    country: int(length)
    for country, length in (
        item.split(":")
        for item in [
            "AD:24",
            "AE:23",
            "AL:28",
            "AT:20",
            "AZ:28",
            "BA:20",
            "BE:16",
            "BG:22",
            "BH:22",
            "BI:27",
            "BR:29",
            "BY:28",
            "CH:21",
            "CR:22",
            "CY:28",
            "CZ:24",
            "DE:22",
            "DJ:27",
            "DK:18",
            "DO:28",
            "EE:20",
            "EG:29",
            "ES:24",
            "FI:18",
            "FK:18",
            "FO:18",
            "FR:27",
            "GB:22",
            "GE:22",
            "GI:23",
            "GL:18",
            "GR:27",
            "GT:28",
            "HN:28",
            "HR:21",
            "HU:28",
            "IE:22",
            "IL:23",
            "IQ:23",
            "IS:26",
            "IT:27",
            "JO:30",
            "KW:30",
            "KZ:20",
            "LB:28",
            "LC:32",
            "LI:21",
            "LT:20",
            "LU:20",
            "LV:21",
            "LY:25",
            "MC:27",
            "MD:24",
            "ME:22",
            "MK:19",
            "MN:20",
            "MR:27",
            "MT:31",
            "MU:30",
            "NI:28",
            "NL:18",
            "NO:15",
            "OM:23",
            "PK:24",
            "PL:28",
            "PS:29",
            "PT:25",
            "QA:29",
            "RO:24",
            "RS:22",
            "RU:33",
            "SA:24",
            "SC:31",
            "SD:18",
            "SE:24",
            "SI:19",
            "SK:24",
            "SM:27",
            "SO:23",
            "ST:25",
            "SV:28",
            "TL:23",
            "TN:24",
            "TR:26",
            "UA:29",
            "VA:22",
            "VG:24",
            "XK:20",
            "YE:30",
        ]
    )
}
"""Length of an IBAN by country (SWIFT IBAN registry)."""


def is_luhn(digits: str) -> bool:
    """Say whether a digit string passes the Luhn check of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_payment_card(digits: str) -> bool:
    """Say whether a digit string is a card number: a range that issuers use, the length that belongs to it, and Luhn."""
    return len(set(digits)) > 1 and _is_issued_length(digits) and is_luhn(digits)


def _is_issued_length(digits: str) -> bool:
    length, two, three, four = len(digits), digits[:2], digits[:3], digits[:4]
    if two in ("34", "37") or four in ("1800", "2131"):
        return length == 15
    if two in ("36", "38", "39") or "300" <= three <= "305" or three == "309":
        return 14 <= length <= 19
    if digits[0] == "4":
        return length in (13, 16, 19)
    if "51" <= two <= "55" or "2221" <= four <= "2720" or "2200" <= four <= "2204":
        return length == 16
    if "3528" <= four <= "3589" or two in ("62", "64", "65", "81") or four == "6011":
        return 16 <= length <= 19
    return two in ("50", "56", "57", "58", "60", "61", "63", "66", "67", "68", "69") and 16 <= length <= 19


def is_resident_id(number: str) -> bool:
    """Say whether 18 characters are a Chinese resident identity number: area, date and check character of GB 11643-1999."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if len(number) != 18 or not number[:17].isdigit():
        return False
    if not has_area_and_birthday(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], weights, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def has_area_and_birthday(number: str) -> bool:
    """Say whether a number begins like an 18-character resident identity number, whatever its check character."""
    return number[:2] in PROVINCES and _is_date(number[6:14])


def is_old_resident_id(number: str) -> bool:
    """Say whether 15 digits can be a resident identity number from before 1999: area and date; it has no check digit."""
    return (
        len(number) == 15
        and number.isdigit()
        and number[:2] in PROVINCES
        and number[2:4] != "00"
        and _is_date("19" + number[6:12])
    )


def is_iban(text: str) -> bool:
    """Say whether a text without spaces is an IBAN: its country's length, and remainder 1 modulo 97 (ISO 13616)."""
    text = text.upper()
    if len(text) != _IBAN_LENGTHS.get(text[:2]) or not text.isascii() or not text.isalnum():
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def iban_length(country: str) -> int:
    """Return how many characters an IBAN of the country has, 0 where the country has none."""
    return _IBAN_LENGTHS.get(country.upper(), 0)


def is_credit_code(code: str) -> bool:
    """Say whether 18 characters are a unified social credit code: check character of GB 32100-2015."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    code = code.upper()
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
    return 1850 <= day.year <= 2100
