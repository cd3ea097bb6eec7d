"""Forms of the pages: read once, with limits, as text."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request

from knowhow.advisor.text import say
from knowhow.serving.failures import RequestError

_MOST_FIELDS = 60
_TYPE = "application/x-www-form-urlencoded"


async def read_lists(request: Request) -> dict[str, list[str]]:
    """Return every field with its values; RequestError where the body is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != _TYPE:
        raise RequestError(415, say("A form must be URL-encoded."), code="wrong_type")
    try:
        text = (await request.body()).decode("utf-8")
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise RequestError(400, say("The form cannot be read."), code="invalid") from None


async def read_form(request: Request) -> dict[str, str]:
    """Return every field with its first value."""
    return {key: values[0] for key, values in (await read_lists(request)).items()}


def first(form: dict[str, list[str]], key: str) -> str:
    """Return the first value of a field, empty where there is none."""
    return form.get(key, [""])[0]
