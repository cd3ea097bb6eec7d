"""Printing: JSON or text on stdout, notes on stderr, colours only where a terminal wants them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.progress import is_quiet

if TYPE_CHECKING:
    from rich.console import Console


def print_json(value: Any) -> None:
    """Print a value (dataclasses, mappings, sequences, paths, sets) as JSON on stdout."""
    print(json.dumps(to_plain(value), ensure_ascii=False, indent=2))


def print_note(text: str) -> None:
    """Print a remark on stderr unless --quiet."""
    if not is_quiet():
        print(text, file=sys.stderr)


def console() -> Console:
    """Return a rich console on stdout that honours NO_COLOR and a redirected stdout."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def to_plain(value: Any) -> Any:
    """Return JSON values for a dataclass and everything inside it; empty fields stay, order is that of the fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
