"""Show Texts in a language: gettext catalogs, and numbers, shares, money and lists in the locale's own form."""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from math import floor, log10

from knowhow.advisor.text import Joined, Money, Number, Share, Text, Value
from knowhow.errors import ConfigError

DOMAIN = "advisor"
LANGUAGES = ("en", "zh-Hans", "ja")
LANGUAGE_NAMES = {"en": "English", "zh-Hans": "简体中文", "ja": "日本語"}


@dataclass(frozen=True, slots=True)
class Locale:
    """How a language writes lists, labels and amounts; all three group thousands with commas and use a decimal point.

    `symbols` are the currency signs that are unambiguous in the locale; other currencies are written by their code.
    """

    separator: str
    colon: str
    minus: str
    symbols: dict[str, str]


_LOCALES = {
    "en": Locale(", ", ": ", "-", {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥"}),
    "zh-Hans": Locale("、", "：", "-", {"CNY": "¥", "USD": "US$", "EUR": "€", "GBP": "£", "JPY": "JP¥"}),
    "ja": Locale("、", "：", "-", {"JPY": "￥", "USD": "$", "EUR": "€", "GBP": "£", "CNY": "元"}),
}
_WITHOUT_CENTS = ("JPY", "KRW")


class Translator:
    """Turns Texts into words of one language; an untranslated message stays English.

    The catalogs of `package` are those named `domain` in its folder locale/.
    """

    def __init__(self, language: str, package: str = "knowhow.advisor", domain: str = DOMAIN) -> None:
        self.language = match_language(language)
        self.locale = _LOCALES[self.language]
        self._catalog = _load_catalog(self.language, package, domain)

    def translate(self, message: str) -> str:
        """Return a message in this language, its {named} places still open."""
        return self._catalog.gettext(message)

    def show(self, value: Value) -> str:
        """Return the value in words."""
        if isinstance(value, str):
            return value
        if isinstance(value, Text):
            message = self._catalog.gettext(value.message)
            return message.format(**{name: self.show(part) for name, part in value.values.items()})
        if isinstance(value, Joined):
            return self.locale.separator.join(self.show(part) for part in value.parts)
        if isinstance(value, Number):
            return self.number(value.value, value.digits)
        if isinstance(value, Share):
            return f"{self.number(100 * value.value, value.digits)}%"
        return self.money(value)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with grouped thousands and `digits` decimals; minus zero loses its sign."""
        text = f"{value:,.{digits}f}"
        return text.lstrip("-") if not text.strip("-0.,") else text

    def money(self, amount: Money) -> str:
        """Return an amount with two significant digits, whole units from 10 on and for currencies without cents from 1 on."""
        size = round_significant(abs(amount.value))
        digits = 0
        if size and size < (1 if amount.currency in _WITHOUT_CENTS else 10):
            digits = max(2, 1 - floor(log10(size)))
        number = self.number(size, digits)
        sign = self.locale.minus if amount.value < 0 and number.strip("0.,") else ""
        symbol = self.locale.symbols.get(amount.currency)
        if symbol is None:
            return f"{sign}{amount.currency} {number}"
        is_suffix = self.language == "ja" and symbol == "元"
        return f"{sign}{number}{symbol}" if is_suffix else f"{sign}{symbol}{number}"


def round_significant(value: float, digits: int = 2) -> float:
    """Return `value` rounded to that many significant digits."""
    if value == 0:
        return 0.0
    return round(value, digits - 1 - floor(log10(abs(value))))


def match_language(wanted: str) -> str:
    """Return the catalog for a language tag such as zh-CN or ja_JP.UTF-8; ConfigError names the known ones."""
    tag = wanted.split(".")[0].replace("_", "-").lower()
    if tag in ("", "c", "posix"):
        return "en"
    first = tag.split("-")[0]
    for language in LANGUAGES:
        if language.split("-")[0].lower() == first:
            return language
    raise ConfigError(f"There is no language '{wanted}'. Known: {', '.join(LANGUAGES)}.")


def prefer_language(header: str) -> str:
    """Return the first known language of an Accept-Language header, English where none is known."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(header.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        ranked.append((-weight, position, tag))
    for weight, _, tag in sorted(ranked):
        if weight == 0 or tag == "*":
            continue
        try:
            return match_language(tag)
        except ConfigError:
            continue
    return "en"


@lru_cache(maxsize=4 * len(LANGUAGES))
def _load_catalog(language: str, package: str, domain: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    folder = language.replace("-", "_")
    source = files(package).joinpath("locale", folder, "LC_MESSAGES", f"{domain}.mo")
    with as_file(source) as path, path.open("rb") as file:
        return gettext.GNUTranslations(file)
