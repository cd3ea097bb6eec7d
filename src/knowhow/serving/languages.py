"""The language of a page: what the address asks for, else what was chosen before, else what the browser prefers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from knowhow.advisor.text import Text, Value
from knowhow.advisor.translation import LANGUAGE_NAMES, Translator, match_language, prefer_language
from knowhow.errors import ConfigError

COOKIE = "knowhow_language"
_YEAR_SECONDS = 365 * 24 * 3600
_PACKAGE, _DOMAIN = "knowhow.serving", "pages"


def choose_language(request: Request) -> str:
    """Return the language of the answer to a request: ?lang=, the cookie, or Accept-Language, in this order."""
    for wanted in (request.query_params.get("lang", ""), request.cookies.get(COOKIE, "")):
        try:
            if wanted:
                return match_language(wanted)
        except ConfigError:
            continue
    return prefer_language(Headers(scope=request.scope).get("accept-language", ""))


def remember_language(request: Request, response: Response, language: str) -> None:
    """Keep a language that the address asked for, for the pages to come."""
    if request.query_params.get("lang") and request.cookies.get(COOKIE) != language:
        response.set_cookie(COOKIE, language, max_age=_YEAR_SECONDS, httponly=True, samesite="strict")


def language_links(request: Request) -> list[tuple[str, str, str]]:
    """Return (language, its own name, address of this page in it); what a form made has no address, so home is taken."""
    path = request.url.path if request.method == "GET" else "/"
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "lang"] if path != "/" else []
    return [
        (name, title, f"{path}?{urlencode([*kept, ('lang', name)])}")
        for name, title in LANGUAGE_NAMES.items()
    ]


@lru_cache(maxsize=8)
def translator(language: str) -> Translator:
    """The pages' own words in a language."""
    return Translator(language, _PACKAGE, _DOMAIN)


def speak(language: str) -> Callable[..., Markup]:
    """Return `t(message, **values)` for templates: the message in the language, every value escaped."""
    return partial(_speak, translator(language))


def _speak(words: Translator, message: str, /, **values: Any) -> Markup:
    text = Markup(words.translate(message))
    return text.format(**{name: _plain(words, value) for name, value in values.items()}) if values else text


def _plain(words: Translator, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    return words.number(value) if isinstance(value, int) else value


def show(language: str, value: Value) -> str:
    """Return a Text in a language."""
    return translator(language).show(value) if isinstance(value, Text) else str(value)
