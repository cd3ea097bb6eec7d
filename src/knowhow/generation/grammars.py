"""Formats as grammars: what an engine that can constrain its decoding is given, and which schemas cannot be enforced."""

from __future__ import annotations

import json
import re
from typing import Any

from knowhow.errors import ConfigError
from knowhow.formats import parse_schema
from knowhow.types import Format

_UNENFORCEABLE = frozenset(
    {
        "not",
        "if",
        "then",
        "else",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentSchemas",
        "dependentRequired",
        "dependencies",
        "unevaluatedItems",
        "unevaluatedProperties",
        "multipleOf",
        "$dynamicRef",
        "$recursiveRef",
    }
)
"""Keywords that a grammar engine may drop or refuse in the middle of an answer, so that invalid output could pass."""


def section_grammar(sections: tuple[str, ...]) -> str:
    """Return the GBNF of ordered sections: each literal heading once, then text that cannot start another heading.

    Bracketed numbers, the citation markers, are text even where headings are written in brackets.
    """
    openers = "".join(sorted({name[0] for name in sections if not name[0].isalnum()}))
    plain = f"[^{_in_class(openers)}\\n]"
    marker = '"[" [0-9]+ ("," " "? [0-9]+)* "]"'
    text = f"{plain} | {marker}" if "[" in openers else plain
    first = f"[^{_in_class(openers)}\\n\\t \\u3000]"
    between = ' "\\n"? '
    return "\n".join(
        [
            f"root ::= {between.join(f'{_literal(name)} gap body' for name in sections)}",
            'gap ::= " "?',
            "body ::= first text*",
            f"first ::= {first}",
            f"text ::= {text}",
        ]
    )


def check_enforceable(schema: str) -> None:
    """ConfigError when a grammar cannot hold an answer to the schema, naming the first keyword in the way."""
    value = parse_schema(schema)
    found = _find_unenforceable(value, "")
    if found:
        raise ConfigError(
            f"[format] schema uses {found}, which the engine cannot enforce while it writes. "
            "Express it without that keyword, or set enforce = false for the generator and rely on the check afterwards."
        )


def json_grammar(schema: str) -> str:
    """Return the grammar of a JSON Schema for llama.cpp; ConfigError when it cannot be enforced."""
    from xllamacpp import json_schema_to_grammar

    check_enforceable(schema)
    # White space between JSON's parts is free, and a small model would spend its tokens on it.
    value = parse_schema(schema)
    compact = {**(value if isinstance(value, dict) else {}), "x-guidance": {"whitespace_flexible": False}}
    try:
        return str(json_schema_to_grammar(compact))
    except ValueError as error:
        raise ConfigError(f"[format] schema can't be turned into a grammar: {error}. Simplify it.") from error


def make_grammar(form: Format) -> str:
    """Return the grammar that enforces the sections or the schema of a format; empty when it asks for neither."""
    if form.schema:
        return json_grammar(form.schema)
    return section_grammar(form.sections) if form.sections else ""


def _find_unenforceable(value: Any, place: str) -> str:
    if isinstance(value, list):
        return next((found for item in value if (found := _find_unenforceable(item, place))), "")
    if not isinstance(value, dict):
        return ""
    for key, item in value.items():
        # Under these keys stand names that the author chose, not keywords.
        if key in ("properties", "$defs", "definitions") and isinstance(item, dict):
            found = next(
                (
                    text
                    for name, part in item.items()
                    if (text := _find_unenforceable(part, f"{place}/{name}"))
                ),
                "",
            )
        elif key in ("enum", "const", "default", "examples"):
            found = ""
        elif key in _UNENFORCEABLE:
            found = f"'{key}' at {place or 'the top'}"
        elif key == "$ref" and not str(item).startswith("#"):
            found = f"a reference to another file at {place or 'the top'}"
        else:
            found = _find_unenforceable(item, place)
        if found:
            return found
    return ""


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_class(characters: str) -> str:
    return re.sub(r"([\\\]\[^-])", r"\\\1", characters)
