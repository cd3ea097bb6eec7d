"""Catalogs, numbers and money."""

from __future__ import annotations

import re

import pytest

from knowhow.advisor.catalogs import LANGUAGES, catalog_path, find_messages
from knowhow.advisor.text import Joined, Money, Number, Share, say
from knowhow.advisor.translation import Translator, match_language, prefer_language, round_significant
from knowhow.errors import ConfigError


def read_compiled(language):
    import gettext

    with catalog_path(language).with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_with_the_same_placeholders(language):
    catalog = read_compiled(language)
    messages = find_messages()
    assert len(messages) > 350
    missing = [message for message in messages if message not in catalog._catalog]
    assert missing == []
    for message in messages:
        translated = catalog.gettext(message)
        assert translated.strip()
        assert sorted(re.findall(r"\{\w+\}", translated)) == sorted(re.findall(r"\{\w+\}", message)), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogs_hold_nothing_else(language):
    catalog = read_compiled(language)
    assert {message for message in catalog._catalog if message} == set(find_messages())


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogs_are_made_from_their_sources(language):
    pytest.importorskip("babel", reason="babel compiles the catalogs and is a development tool")
    from knowhow.advisor.catalogs import compile_catalog

    assert compile_catalog(language) == catalog_path(language).with_suffix(".mo").read_bytes()


def test_sentences_are_really_in_the_language():
    messages = [message for message in find_messages() if message.count(" ") > 4]
    for language, letters in (("zh_Hans", r"[一-鿿]"), ("ja", r"[ぁ-ゖァ-ヺ]")):
        catalog = read_compiled(language)
        assert all(re.search(letters, catalog.gettext(message)) for message in messages)


@pytest.mark.parametrize(
    ("language", "amount", "text"),
    [
        ("en", Money(0), "$0"),
        ("en", Money(0.0012345), "$0.0012"),
        ("en", Money(1.06), "$1.10"),
        ("en", Money(8_544), "$8,500"),
        ("en", Money(-3.21), "-$3.20"),
        ("en", Money(1_234_567, "JPY"), "¥1,200,000"),
        ("zh-Hans", Money(8_544), "US$8,500"),
        ("zh-Hans", Money(8_544, "CNY"), "¥8,500"),
        ("ja", Money(8_544, "JPY"), "￥8,500"),
        ("ja", Money(8_544, "CNY"), "8,500元"),
        ("en", Money(12.3, "CHF"), "CHF 12"),
        ("en", Number(1_234_567), "1,234,567"),
        ("ja", Number(-0.2), "0"),
        ("en", Share(0.546), "55%"),
        ("en", Share(0.0123, 1), "1.2%"),
        ("zh-Hans", Joined((say("yes"), say("no"))), "是、否"),
        ("en", "plain", "plain"),
    ],
)
def test_amounts_in_the_locale(language, amount, text):
    assert Translator(language).show(amount) == text


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 0), (8_544, 8_500), (0.0561, 0.056), (9.96, 10), (-14.7, -15)]
)
def test_two_significant_digits(value, rounded):
    assert round_significant(value) == pytest.approx(rounded)


def test_values_inside_sentences_are_translated_too():
    text = say("The goal is {goal}", goal=say("yes"))
    assert Translator("ja").show(text) == "The goal is はい"


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en_US.UTF-8", "en"),
        ("zh-CN", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("ja_JP", "ja"),
        ("C", "en"),
        ("", "en"),
    ],
)
def test_language_tags(tag, language):
    assert match_language(tag) == language


def test_an_unknown_language_is_named():
    with pytest.raises(ConfigError, match="zh-Hans"):
        match_language("fr")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ja,en;q=0.8", "ja"),
        ("fr-FR,fr;q=0.9,zh-CN;q=0.8,en;q=0.7", "zh-Hans"),
        ("en;q=0.1,zh;q=0.9", "zh-Hans"),
        ("zh;q=0,en", "en"),
        ("*", "en"),
        ("", "en"),
        ("ja;q=x", "en"),
    ],
)
def test_browser_preference(header, language):
    assert prefer_language(header) == language
