"""Facts that a text commits itself to and that can be checked by rule: numbers, dates, names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.language import CJK

_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9, "b": 1e9,
    "trillion": 1e12, "dozen": 12.0, "百": 1e2, "千": 1e3, "万": 1e4, "萬": 1e4, "億": 1e8, "亿": 1e8, "兆": 1e12,
}  # fmt: skip
_TENS_TEXT = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS_TEXT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_NUMBER_WORDS = {word: float(value) for value, word in enumerate(_UNITS_TEXT.split())} | {
    word: 20.0 + 10 * place for place, word in enumerate(_TENS_TEXT.split())
}
MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
]  # fmt: skip
_MONTH_NAME = re.compile(rf"\b(?:{'|'.join(month.capitalize() for month in MONTHS)})\b")
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])[$€£¥]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:[\s-]?(hundred|thousand|million|billion|trillion|dozen|bn|mn|[kmb]"
    r"(?![a-z])|[百千万萬億亿兆]))?",
    re.IGNORECASE,
)
_ENUMERATOR = re.compile(r"(?m)^\s*\d{1,2}[.)](?=\s|$)")
_LOOSE_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z]+")
_NAME = re.compile(r"[^\W\d_a-z][\w'’&-]*", re.UNICODE)
_LABEL_END = re.compile(r"\**:(?=\s|\*|$)")
_BEFORE_A_START = frozenset(".!?:;\"“'‘()[*•–—-")
_LATIN_IN_CJK = re.compile(r"[A-Za-z][A-Za-z0-9&.-]+|[\u30a0-\u30ff]{3,}")
_MONTH_NUMBERS = re.compile(
    r"\d{4}[-/.年](\d{1,2})[-/.月]|(?<!\d)(\d{1,2})月|(?<!\d)(\d{1,2})/\d{1,2}/\d{2,4}"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its scale worked in, and the decimals it was written with at that scale."""

    value: float
    step: float
    text: str


def find_numbers(text: str) -> list[Number]:
    """Return the numbers of a text: digits with thousands separators, decimals and scale words, and English number words."""
    folded = unicodedata.normalize("NFKC", text)
    found = []
    for match in _NUMBER.finditer(folded):
        digits = match[1].replace(",", "")
        scale = _SCALES.get((match[2] or "").lower(), 1.0)
        decimals = len(digits.partition(".")[2])
        found.append(Number(float(digits) * scale, scale * 10.0**-decimals, match[0].strip()))
    found += [
        Number(_NUMBER_WORDS[word.lower()], 1.0, word)
        for word in _WORD.findall(folded)
        if word.lower() in _NUMBER_WORDS
    ]
    return found


def unsupported_numbers(text: str, evidence: Sequence[Number], evidence_text: str) -> list[str]:
    """Return the numbers of `text` that no number of the evidence equals or rounds to; a counted `one` and list numbering pass."""
    values = {number.value for number in evidence} | {
        float(digits) for digits in _LOOSE_NUMBER.findall(evidence_text.replace(",", ""))
    }
    return [
        number.text
        for number in _claimed_numbers(text)
        if not any(_is_near(number, value) for value in values)
    ]


def swapped_numbers(text: str, original: str) -> list[str]:
    """Return the numbers of `text` that were put in place of others of `original`, each number of which can be used once."""
    left, missing = [number.value for number in find_numbers(original)], []
    for number in _claimed_numbers(text):
        match = next((value for value in left if _is_near(number, value)), None)
        if match is None:
            missing.append(number.text)
        else:
            left.remove(match)
    return missing if left else []


def unsupported_months(text: str, evidence_text: str) -> list[str]:
    """Return the months named in `text` that the evidence names neither by word, by abbreviation nor in a numeric date."""
    others = evidence_text.lower()
    numeric = {int(next(filter(None, found))) for found in _MONTH_NUMBERS.findall(others)}
    return [
        month.capitalize()
        for place, month in enumerate(MONTHS, 1)
        if re.search(rf"\b{month.capitalize()}\b", text)
        and not re.search(rf"\b{month[:3]}(?:{month[3:]}|\b)", others)
        and place not in numeric
    ]


def swapped_months(text: str, original: str) -> list[str]:
    """Return the months of `text` that were put in place of others of `original`, each of which can be used once."""
    left, missing = _MONTH_NAME.findall(original), []
    for month in _MONTH_NAME.findall(text):
        if month in left:
            left.remove(month)
        else:
            missing.append(month)
    return missing if left else []


def _claimed_numbers(text: str) -> list[Number]:
    return [number for number in find_numbers(_ENUMERATOR.sub("", text)) if number.text.lower() != "one"]


def _is_near(number: Number, value: float) -> bool:
    # A number written with two digits or more may have been rounded; "3" for 3.4 is another number.
    near = 0.5000001 * number.step if number.step <= 0.1 * number.value else 1e-9
    return abs(value - number.value) <= near


def find_names(sentence: str) -> list[str]:
    """Return the words of a sentence that look like names: capitalised after its first word, or Latin and katakana runs in CJK."""
    if re.search(f"[{CJK}]", sentence):
        return _LATIN_IN_CJK.findall(sentence)
    names = []
    for match in _NAME.finditer(sentence):
        before = sentence[: match.start()].rstrip()
        is_label = _LABEL_END.match(sentence, match.end()) is not None
        if match[0] != "I" and not is_label and before and before[-1] not in _BEFORE_A_START:
            names.append(match[0])
    return names


def unsupported_names(sentence: str, evidence_text: str) -> list[str]:
    """Return the names of a sentence that stand nowhere in the evidence, neither written out nor as initials of its words."""
    others = evidence_text.casefold()
    initials = "".join(word[0] for word in re.findall(r"[^\W\d_]+", evidence_text)).casefold()
    missing = []
    for name in find_names(sentence):
        bare = re.sub(r"['’]s?$", "", name.casefold())
        shorter = bare[:-1] if bare.endswith("s") and len(bare) > 4 else bare
        is_acronym = name.isupper() and 2 <= len(bare) <= 6 and bare in initials
        if shorter not in others and not is_acronym:
            missing.append(name)
    return missing
