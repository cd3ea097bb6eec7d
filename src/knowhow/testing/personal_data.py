"""Made-up personal data with right check digits, and decoys that only look like it: what recognisers are counted on.

Nothing here uses the recognisers' own patterns; check digits are computed from the standards' formulas.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from knowhow.testing.personal_data_forms import (
    CHINESE_FRAMES,
    CHINESE_LABELS,
    ENGLISH_FRAMES,
    ENGLISH_LABELS,
    decorate_chinese,
    decorate_english,
)

_AREAS = [
    "110105",
    "120101",
    "130102",
    "210102",
    "310115",
    "320106",
    "330106",
    "350203",
    "370102",
    "420106",
    "430102",
    "440305",
    "450103",
    "500103",
    "510104",
    "530102",
    "610113",
    "650102",
    "810000",
    "830000",
]
_MOBILE_PREFIXES = [
    "130",
    "131",
    "133",
    "135",
    "136",
    "137",
    "138",
    "139",
    "147",
    "150",
    "152",
    "158",
    "159",
    "166",
    "170",
    "173",
    "176",
    "177",
    "178",
    "180",
    "185",
    "186",
    "187",
    "188",
    "189",
    "191",
    "193",
    "198",
    "199",
]
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_USERS = [
    "zhang.wei",
    "li_na",
    "wangfang",
    "chen-jie",
    "liu.y88",
    "contact.zhao",
    "j.smith",
    "anna",
    "maria.garcia",
    "o.brien",
    "sales+eu",
    "info2024",
    "kowalski",
]
_DOMAINS = [
    "example.com",
    "example.org",
    "mail.example.cn",
    "corp-example.com.cn",
    "example.co.uk",
    "post.example.de",
    "example.edu.au",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with the personal data in it: `text[start:end]` is of `kind`; decoys have an empty kind and span."""

    text: str
    kind: str = ""
    start: int = 0
    end: int = 0


def chinese_positives(count: int, seed: int) -> list[Sample]:
    """Return samples with one identifier each: glued to characters, full-width, spaced, hyphenated, in tables."""
    return _positives(count, seed, _CHINESE, CHINESE_FRAMES, CHINESE_LABELS, decorate_chinese)


def english_positives(count: int, seed: int) -> list[Sample]:
    """Return English samples of structured identifiers."""
    return _positives(count, seed, _ENGLISH, ENGLISH_FRAMES, ENGLISH_LABELS, decorate_english)


def _positives(
    count: int,
    seed: int,
    makers: dict[str, list[Callable[[random.Random], str]]],
    frames: list[str],
    labels: dict[str, list[str]],
    decorate: Callable[[random.Random, str, str], str],
) -> list[Sample]:
    chance = random.Random(seed)
    samples = []
    for place in range(count):
        kind = list(makers)[place % len(makers)]
        value = decorate(chance, kind, chance.choice(makers[kind])(chance))
        frame = chance.choice(frames)
        before, after = frame.replace("{label}", chance.choice(labels[kind])).split("{value}")
        samples.append(Sample(before + value + after, kind, len(before), len(before) + len(value)))
    return samples


def digits(chance: random.Random, count: int) -> str:
    """Return random digits."""
    return "".join(chance.choice(string.digits) for _ in range(count))


def luhn_digit(body: str) -> str:
    """Return the digit that makes `body` pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def card(chance: random.Random, *, prefixes: list[tuple[str, int]] | None = None) -> str:
    """Return a payment card number of an issuer's range and length."""
    prefix, length = chance.choice(
        prefixes
        or [
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2223", 16),
            ("34", 15),
            ("37", 15),
            ("36", 14),
            ("3530", 16),
            ("6011", 16),
            ("65", 16),
        ]
    )
    body = prefix + digits(chance, length - len(prefix) - 1)
    return body + luhn_digit(body)


def resident_id(chance: random.Random) -> str:
    """Return an 18-character resident identity number."""
    body = chance.choice(_AREAS) + _day(chance, "19" if chance.random() < 0.7 else "20") + digits(chance, 3)
    weights = [2**place % 11 for place in range(17, 0, -1)]
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    check = (12 - total % 11) % 11
    return body + ("X" if check == 10 else str(check))


def old_resident_id(chance: random.Random) -> str:
    """Return a 15-digit resident identity number."""
    area = chance.choice([item for item in _AREAS if item < "80"])
    return area + _day(chance, "") + digits(chance, 3)


def credit_code(chance: random.Random) -> str:
    """Return a unified social credit code."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = chance.choice(["91", "92", "12", "51", "93"]) + chance.choice(_AREAS)
    body += "".join(chance.choice(alphabet) for _ in range(9))
    total = sum(alphabet.index(character) * 3**place for place, character in enumerate(body))
    return body + alphabet[-total % 31]


def iban(chance: random.Random) -> str:
    """Return an IBAN."""
    country, length, bank = chance.choice(
        [
            ("DE", 22, ""),
            ("GB", 22, "WEST"),
            ("FR", 27, ""),
            ("NL", 18, "ABNA"),
            ("ES", 24, ""),
            ("CH", 21, ""),
            ("AT", 20, ""),
            ("NO", 15, ""),
        ]
    )
    body = bank + digits(chance, length - 4 - len(bank))
    number = int("".join(str(int(character, 36)) for character in body + country + "00"))
    return f"{country}{98 - number % 97:02d}{body}"


def _day(chance: random.Random, century: str) -> str:
    year = chance.randrange(45, 99) if century != "20" else chance.randrange(0, 12)
    return f"{century}{year:02d}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}"


def _mobile(chance: random.Random) -> str:
    return chance.choice(_MOBILE_PREFIXES) + digits(chance, 8)


def _landline(chance: random.Random) -> str:
    area, length = chance.choice([("010", 8), ("021", 8), ("0755", 8), ("0571", 8), ("0392", 7), ("028", 8)])
    number = chance.choice("23568") + digits(chance, length - 1)
    return chance.choice(["{}-{}", "({}){}", "（{}）{}", "{} {}", "{}-{}转801", "+86-{}-{}"]).format(
        area, number
    )


def _union_pay(chance: random.Random) -> str:
    return card(
        chance,
        prefixes=[
            ("622848", 19),
            ("621700", 19),
            ("622202", 19),
            ("625912", 16),
            ("620522", 18),
            ("623091", 17),
        ],
    )


def _passport(chance: random.Random) -> str:
    second = chance.choice("ABCDEFGHJKLMNP")
    return chance.choice(["E" + digits(chance, 8), "G" + digits(chance, 8), f"E{second}{digits(chance, 7)}"])


def _permit(chance: random.Random) -> str:
    return chance.choice("HMCWTL") + digits(chance, 8)


def _plate(chance: random.Random) -> str:
    city = chance.choice(_PROVINCES) + chance.choice(_PLATE_LETTERS) + chance.choice(["", "", "·", " "])
    letter = chance.choice(_PLATE_LETTERS)
    return city + chance.choice(
        [digits(chance, 5), letter + digits(chance, 4), digits(chance, 3) + letter + digits(chance, 1), f"{letter}{chance.choice(_PLATE_LETTERS)}{digits(chance, 3)}",
         f"D{digits(chance, 5)}", f"F{chance.choice(_PLATE_LETTERS)}{digits(chance, 4)}", f"{digits(chance, 5)}D", digits(chance, 4) + "学", digits(chance, 4) + "警"]
    )  # fmt: skip


def _email(chance: random.Random) -> str:
    return f"{chance.choice(_USERS)}{chance.choice(['', digits(chance, 2)])}@{chance.choice(_DOMAINS)}"


def _ip4(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(1, 255)) for _ in range(4))


def _ip6(chance: random.Random) -> str:
    groups = [f"{chance.randrange(1, 65536):x}" for _ in range(8)]
    return chance.choice([":".join(groups), "2001:db8::" + groups[0], "fe80::" + ":".join(groups[:4])])


def _social_security(chance: random.Random) -> str:
    area = chance.choice(
        [number for number in (f"{chance.randrange(1, 900):03d}" for _ in range(9)) if number != "666"]
    )
    return f"{area}-{chance.randrange(1, 100):02d}-{chance.randrange(1, 10000):04d}"


def _american_phone(chance: random.Random) -> str:
    area, office, line = f"{chance.randrange(201, 990)}", f"{chance.randrange(200, 1000)}", digits(chance, 4)
    return chance.choice(
        [
            "({}) {}-{}",
            "{}-{}-{}",
            "{}.{}.{}",
            "+1 {} {} {}",
            "+1-{}-{}-{}",
            "1-{}-{}-{}",
            "({}) {}-{} ext. 42",
        ]
    ).format(area, office, line)


def _foreign_phone(chance: random.Random) -> str:
    return chance.choice(
        [
            f"+44 20 {digits(chance, 4)} {digits(chance, 4)}",
            f"+49 30 {digits(chance, 7)}",
            f"+33 1 {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 2)}",
            f"+91 9{digits(chance, 4)} {digits(chance, 5)}",
            f"0044 7911 {digits(chance, 6)}",
            f"+81-3-{digits(chance, 4)}-{digits(chance, 4)}",
            f"+61 (0)2 9{digits(chance, 3)} {digits(chance, 4)}",
            f"01{digits(chance, 1)} {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 2)} {digits(chance, 1)}1",
        ]
    )


def _us_passport(chance: random.Random) -> str:
    return chance.choice([digits(chance, 9), chance.choice("ACX") + digits(chance, 8)])


_CHINESE: dict[str, list[Callable[[random.Random], str]]] = {
    "resident_id": [resident_id, resident_id, old_resident_id],
    "phone": [_mobile, _mobile, _landline],
    "card": [_union_pay, _union_pay, card],
    "credit_code": [credit_code],
    "passport": [_passport, _permit],
    "plate": [_plate],
    "email": [_email],
    "ip": [_ip4],
}
_ENGLISH: dict[str, list[Callable[[random.Random], str]]] = {
    "email": [_email],
    "phone": [_american_phone, _foreign_phone],
    "card": [card],
    "iban": [iban],
    "ssn": [_social_security],
    "ip": [_ip4, _ip4, _ip6],
    "passport": [_us_passport],
}
