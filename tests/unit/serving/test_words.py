"""The pages' words: every one translated, none left in a template, and the reader's language found."""

from __future__ import annotations

import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from starlette.requests import Request
from starlette.responses import Response

from knowhow.advisor.catalogs import LANGUAGES, catalog_path, compile_catalog, find_messages
from knowhow.evaluation.lint.findings import Finding
from knowhow.privacy.recognisers import OPTIONAL_KINDS, PERSONAL_KINDS
from knowhow.serving.catalogs import PAGES
from knowhow.serving.languages import choose_language, language_links, remember_language, speak
from knowhow.serving.words import WORDS

TEMPLATES = sorted((PAGES.folder / "templates").glob("*.html"))
OWN_NAMES = {"KnowHow", "p", "ms", "DOCTYPE"}
"""What is the same in every language: the product's name, a p-value's letter, a unit."""
SPOKEN = {
    "aria-label",
    "placeholder",
    "title",
    "alt",
    "data-cut",
    "data-failed",
    "data-none",
    "data-uploading",
}


def read_compiled(language: str) -> gettext.GNUTranslations:
    with catalog_path(language, PAGES).with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_translated_with_the_same_places(language: str) -> None:
    catalog, messages = read_compiled(language), find_messages(PAGES)
    assert len(messages) > 300
    assert {message for message in catalog._catalog if message} == set(messages)  # type: ignore[attr-defined]
    for message in messages:
        translated = catalog.gettext(message)
        assert translated.strip()
        assert sorted(re.findall(r"\{\w+\}", translated)) == sorted(re.findall(r"\{\w+\}", message)), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogs_are_made_from_their_sources(language: str) -> None:
    pytest.importorskip("babel", reason="babel compiles the catalogs and is a development tool")
    assert compile_catalog(language, PAGES) == catalog_path(language, PAGES).with_suffix(".mo").read_bytes()


def test_words_need_no_escaping() -> None:
    for language in LANGUAGES:
        for message in find_messages(PAGES):
            assert not set('<>&"') & set(message + read_compiled(language).gettext(message)), message


class Spoken(HTMLParser):
    """Collects what a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_untranslated_words(path: Path) -> None:
    tokens = jinja2.Environment().lex(path.read_text(encoding="utf-8"))
    parser = Spoken()
    parser.feed("".join(text if kind == "data" else "" for _, kind, text in tokens))
    words = {word for text in parser.found for word in re.findall(r"[^\W\d_]+", text)}
    assert words - OWN_NAMES == set()


def test_words_of_templates_stand_in_calls_that_are_found() -> None:
    """A message built from pieces would never be translated: the first argument of t is always written out."""
    for path in TEMPLATES:
        for call in jinja2.Environment().parse(path.read_text(encoding="utf-8")).find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "t":
                assert isinstance(call.args[0], (jinja2.nodes.Const, jinja2.nodes.CondExpr)), path.name


def test_every_kind_of_personal_data_and_of_finding_has_a_word() -> None:
    assert {*PERSONAL_KINDS, *OPTIONAL_KINDS} <= set(WORDS["personal"])
    folder = Path(__import__("knowhow.evaluation.lint", fromlist=["x"]).__file__).parent
    kinds = {kind for path in folder.glob("*.py") for kind in re.findall(rf'{Finding.__name__}\(\s*"(\w+)"', path.read_text())}  # fmt: skip
    assert len(kinds) > 10
    assert kinds <= set(WORDS["finding"])


def make_request(query: str = "", cookie: str = "", accepted: str = "", method: str = "GET", path: str = "/ask") -> Request:  # fmt: skip
    headers = [(b"cookie", cookie.encode()), (b"accept-language", accepted.encode())]
    return Request(
        {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers, "server": ("localhost", 80), "scheme": "http"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "language"),
    [
        ("lang=ja", "knowhow_language=zh-Hans", "en", "ja"),
        ("", "knowhow_language=zh-Hans", "ja", "zh-Hans"),
        ("", "", "fr,ja;q=0.8", "ja"),
        ("lang=tlh", "knowhow_language=x", "zh-TW", "zh-Hans"),
        ("", "", "", "en"),
        ("lang=%00", "knowhow_language=%22", "*", "en"),
    ],
)
def test_address_then_choice_then_browser(query: str, cookie: str, accepted: str, language: str) -> None:
    assert choose_language(make_request(query, cookie, accepted)) == language


def test_only_a_choice_in_the_address_is_remembered() -> None:
    for query, is_kept in (("lang=ja", True), ("", False)):
        request, response = make_request(query, accepted="ja"), Response()
        remember_language(request, response, choose_language(request))
        assert ("knowhow_language=ja" in response.headers.get("set-cookie", "")) == is_kept


def test_links_to_other_languages_keep_the_page() -> None:
    links = {
        name: link for name, _, link in language_links(make_request("place=2&lang=en", path="/examples"))
    }
    assert links["ja"] == "/examples?place=2&lang=ja"
    posted = {name: link for name, _, link in language_links(make_request(method="POST"))}
    assert posted["ja"] == "/?lang=ja"


def test_values_are_escaped_and_numbers_grouped() -> None:
    t = speak("en")
    assert t("{name} finds it right", name="<b>") == "&lt;b&gt; finds it right"
    assert t("{count} reactions wait.", count=12345) == "12,345 reactions wait."
