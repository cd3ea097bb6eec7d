"""Sentences that stay untranslated until somebody shows them: an English message with its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Number:
    """A number shown with `digits` decimals in the reader's locale."""

    value: float
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """A share from 0 to 1 shown as a percentage."""

    value: float
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency, shown with two significant digits: an estimate claims no more."""

    value: float
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Text:
    """An English message with {named} values; values are other Texts, Numbers, Shares, Money or plain words."""

    message: str
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def fill(self, **values: Value) -> Text:
        """Return the same message with further values."""
        return Text(self.message, {**self.values, **values})


@dataclass(frozen=True, slots=True)
class Joined:
    """Several Texts as one list in the reader's punctuation."""

    parts: tuple[Value, ...]


Value = Text | Joined | Number | Share | Money | str


def say(message: str, **values: Value) -> Text:
    """Mark a literal English message for the catalogs and bind its values."""
    return Text(message, values)
