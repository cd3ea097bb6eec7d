"""Register parts by kind and name, discover them by import, and build them from options.

A new part is one new file: `@register("metric", "words")` on a function, or `@register("strategy", "rag")` on a frozen dataclass whose
fields are its options. Third parties name a module under the entry-point group `knowhow.plugins`.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

from knowhow.errors import ConfigError, NotFoundError, suggest

Part = TypeVar("Part", bound=Callable[..., Any])

PACKAGES: Mapping[str, str] = {
    "loader": "knowhow.corpus.loaders",
    "embedder": "knowhow.retrieval.embedders",
    "index": "knowhow.retrieval.indexes",
    "reranker": "knowhow.retrieval.rerankers",
    "generator": "knowhow.generation.engines",
    "trainer": "knowhow.training.trainers",
    "strategy": "knowhow.strategies",
    "metric": "knowhow.evaluation.metrics",
}
"""Where the parts of each kind live: every module of the package is imported at the first look-up of the kind."""

_parts: dict[str, dict[str, Callable[..., Any]]] = {}
_discovered: set[str] = set()


def register(kind: str, name: str) -> Callable[[Part], Part]:
    """Register the decorated class or function as `name` of `kind`; a name taken by another object is a ConfigError."""

    def keep(part: Part) -> Part:
        known = _parts.setdefault(kind, {})
        other = known.get(name)
        if other is not None and (other.__module__, other.__qualname__) != (
            part.__module__,
            part.__qualname__,
        ):
            raise ConfigError(
                f"Two parts are registered as {kind} '{name}': {other.__module__} and {part.__module__}."
            )
        known[name] = part
        return part

    return keep


def names(kind: str) -> list[str]:
    """Return the registered names of `kind`, sorted."""
    _discover(kind)
    return sorted(_parts.get(kind, {}))


def find(kind: str, name: str) -> Callable[..., Any]:
    """Return the part registered as `name` of `kind`; NotFoundError lists the known names."""
    _discover(kind)
    known = _parts.get(kind, {})
    if name not in known:
        raise NotFoundError.unknown(kind, name, known)
    return known[name]


def build(kind: str, name: str, options: Mapping[str, Any] | None = None, *, section: str = "") -> Any:
    """Construct the part with `options`, checked against its dataclass fields; `section` names the place in errors."""
    part = find(kind, name)
    place = section or f"[{kind}.{name}]"
    return part(**check_options(part, options or {}, place))


def check_options(part: Callable[..., Any], options: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return `options` coerced to the field types of the dataclass `part`; ConfigError names known keys or the type."""
    if not dataclasses.is_dataclass(part):
        if options:
            raise ConfigError(
                f"{place} takes no options, but has: {', '.join(sorted(options))}. Remove them."
            )
        return {}
    hints = typing.get_type_hints(part)
    fields = {
        field.name: field
        for field in dataclasses.fields(part)
        if field.init and not field.name.startswith("_")
    }
    for key in options:
        if key not in fields:
            raise ConfigError(f"{place} has an unknown key '{key}'. {suggest(key, fields)}")
    missing = [
        name
        for name, field in fields.items()
        if name not in options
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{place} needs the key '{missing[0]}'. Add it.")
    return {key: coerce(value, hints[key], f"{place} {key}") for key, value in options.items()}


def coerce(value: Any, hint: Any, place: str) -> Any:
    """Return `value` as the type `hint` (scalars, tuples, frozensets, optional, mappings); ConfigError names what was expected."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return coerce(value, next(option for option in arguments if option is not type(None)), place)
    if origin in (tuple, frozenset):
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise ConfigError(f"{place} must be a list, not {value!r}. Write it in square brackets.")
        return origin(coerce(item, arguments[0], place) for item in value)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(
                f"{place} must be one of {', '.join(map(repr, arguments))}, not {value!r}. {suggest(str(value), map(str, arguments))}"
            )
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place} must be a table, not {value!r}.")
        return hint(**check_options(hint, value, place))
    if isinstance(hint, type) and hint is not object:
        if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
            raise ConfigError(f"{place} must be {_WORDS.get(hint, hint.__name__)}, not {value!r}.")
    elif origin is not None and isinstance(origin, type) and not isinstance(value, origin):
        raise ConfigError(f"{place} must be {_WORDS.get(origin, origin.__name__)}, not {value!r}.")
    return value


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
}


def _discover(kind: str) -> None:
    if kind in _discovered:
        return
    if kind not in PACKAGES:
        raise NotFoundError.unknown("kind of part", kind, PACKAGES)
    _discovered.add(kind)
    package = importlib.import_module(PACKAGES[kind])
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    for plugin in entry_points(group="knowhow.plugins"):
        plugin.load()
