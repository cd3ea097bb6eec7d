"""The form of an answer: what a text violates. Generation enforces it, evaluation measures it, both by this one check."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from knowhow.errors import ConfigError
from knowhow.language import words
from knowhow.types import Format

_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)


def is_demanding(form: Format) -> bool:
    """Say whether the format demands anything at all."""
    return form != Format()


def find_violations(text: str, form: Format) -> tuple[str, ...]:
    """Return what `text` violates of `form`, one sentence each; empty means valid."""
    found: list[str] = []
    if form.schema:
        found += _schema_violations(text, form.schema)
    found += _section_violations(text, form.sections)
    folded = text.casefold()
    found += [
        f"It uses the banned expression '{phrase}'." for phrase in form.banned if phrase.casefold() in folded
    ]
    if form.max_characters is not None and len(text) > form.max_characters:
        found.append(f"It has {len(text)} characters; at most {form.max_characters} are allowed.")
    if form.max_words is not None and (count := len(words(text))) > form.max_words:
        found.append(f"It has {count} words; at most {form.max_words} are allowed.")
    return tuple(found)


def split_sections(text: str, sections: tuple[str, ...]) -> dict[str, str]:
    """Return the content under each literal heading that occurs, in order of first occurrence."""
    places = sorted((place, name) for name in sections if (place := text.find(name)) >= 0)
    ends = [*(place for place, _ in places[1:]), len(text)]
    return {
        name: text[place + len(name) : end].strip() for (place, name), end in zip(places, ends, strict=False)
    }


def parse_schema(schema: str) -> Any:
    """Return the JSON Schema as a value; ConfigError when it is no valid schema."""
    return _validator(schema).schema


class _NotJsonError(ValueError):
    """What Python reads and the standard does not know."""


def _refuse_constant(name: str) -> Any:
    raise _NotJsonError(f"It is not valid JSON: {name} is no number there.")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotJsonError("It is not valid JSON for every reader: a key occurs twice in one object.")
    return value


def _schema_violations(text: str, schema: str) -> list[str]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_doubles)
    except _NotJsonError as error:
        return [str(error)]
    except RecursionError:
        return ["It is nested deeper than any reader follows."]
    except json.JSONDecodeError as error:
        fenced = " Remove the code fence." if _FENCE.match(text) else ""
        return [f"It is not valid JSON ({error.msg} at character {error.pos}).{fenced}"]
    errors = sorted(
        _validator(schema).iter_errors(value), key=lambda error: list(map(str, error.absolute_path))
    )
    return [
        f"It breaks the schema at {'/'.join(map(str, error.absolute_path)) or 'the top'}: {error.message}."
        for error in errors
    ]


def _section_violations(text: str, sections: tuple[str, ...]) -> list[str]:
    if not sections:
        return []
    found, place = [], 0
    for name in sections:
        count = text.count(name)
        if count == 0:
            found.append(f"The section '{name}' is missing.")
        elif count > 1:
            found.append(f"The section '{name}' occurs {count} times.")
        else:
            here = text.find(name)
            if here < place:
                found.append(f"The section '{name}' stands out of order.")
            place = max(place, here)
    content = split_sections(text, sections)
    found += [f"The section '{name}' is empty." for name in sections if name in content and not content[name]]
    if not text.lstrip().startswith(sections[0]) and sections[0] in text:
        found.append(f"Text stands before the first section '{sections[0]}'.")
    return found


@lru_cache(maxsize=32)
def _validator(schema: str) -> Any:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        value = json.loads(schema)
        kind = validator_for(value)
        kind.check_schema(value)
    except (json.JSONDecodeError, SchemaError) as error:
        raise ConfigError(
            f"[format] schema is not a valid JSON Schema: {error}. Mend the schema file."
        ) from error
    return kind(value)
