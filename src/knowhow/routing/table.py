"""The `[router]` table: what is known about each intent, and rules that say which strategies may answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from knowhow.errors import ConfigError
from knowhow.registry import check_options
from knowhow.types import Traits

_OFTEN = ("daily", "weekly")
"""Facts that change this often must be looked up: no training keeps pace."""


@dataclass(frozen=True, slots=True)
class IntentCard:
    """What is known about one intent, in `[router.intents.<name>]`; everything may be left out.

    `strategy` gives the strategy instead of learning it, `phrases` recognise the intent by words. `updates` is how often its facts
    change, `reasoning` how much has to be worked out, `citations` whether answers must name their source.
    """

    strategy: str = ""
    phrases: tuple[str, ...] = ()
    updates: Literal["", "never", "yearly", "monthly", "weekly", "daily"] = ""
    reasoning: Literal["", "shallow", "deep"] = ""
    citations: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `[[router.rules]]`: where all its conditions hold, only the strategies in `use` may answer; the first that fits counts.

    `context_words` is met by questions that have, with the turns before them, at least that many words.
    """

    use: tuple[str, ...]
    intents: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    citations: bool | None = None
    context_words: int = 0

    def fits(self, intent: str, card: IntentCard, context_words: int) -> bool:
        """Say whether all conditions hold."""
        return (
            (not self.intents or intent in self.intents)
            and (not self.updates or card.updates in self.updates)
            and (not self.reasoning or card.reasoning in self.reasoning)
            and (self.citations is None or card.citations == self.citations)
            and context_words >= self.context_words
        )

    def describe(self) -> str:
        """Return the conditions in words."""
        parts = [
            f"intent {' or '.join(self.intents)}" if self.intents else "",
            f"updates {' or '.join(self.updates)}" if self.updates else "",
            f"{' or '.join(self.reasoning)} reasoning" if self.reasoning else "",
            "" if self.citations is None else "with citations" if self.citations else "without citations",
            f"at least {self.context_words} words of context" if self.context_words else "",
        ]
        return ", ".join(part for part in parts if part) or "every question"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The strategies that may answer, in the order given, and why others may not; `is_given` where the table leaves no choice."""

    names: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    is_given: bool = False


@dataclass(frozen=True)
class RouterTable:
    """Cards by intent, and rules in order."""

    cards: Mapping[str, IntentCard]
    rules: tuple[Rule, ...] = ()

    def card(self, intent: str) -> IntentCard:
        """Return what is known about an intent; nothing about one that has no card."""
        return self.cards.get(intent, IntentCard())

    @property
    def phrases(self) -> dict[str, tuple[str, ...]]:
        """The phrases of each intent that has some."""
        return {name: card.phrases for name, card in self.cards.items() if card.phrases}

    @property
    def named(self) -> set[str]:
        """Every strategy that the table names."""
        given = {card.strategy for card in self.cards.values() if card.strategy}
        return given | {name for rule in self.rules for name in rule.use}

    def allow(
        self, intent: str, context_words: int, names: Sequence[str], traits: Mapping[str, Traits]
    ) -> Allowed:
        """Return which of `names` may answer: the given one, else those that the first fitting rule and the card's limits leave.

        A limit that would leave nobody is not applied; a rule that names none of `names` neither.
        """
        card = self.card(intent)
        if card.strategy in names:
            return Allowed((card.strategy,), (f"[router.intents.{intent}] gives {card.strategy}",), True)
        left, reasons = list(names), []
        rule = next((rule for rule in self.rules if rule.fits(intent, card, context_words)), None)
        if rule is not None and (chosen := [name for name in rule.use if name in names]):
            left = chosen
            reasons.append(f"a rule for {rule.describe()} allows {', '.join(chosen)}")
        limits = []
        if card.citations:
            cites = {name for name in names if traits[name].cites}
            limits.append((cites, "its answers must cite their source"))
        if card.updates in _OFTEN:
            live = {name for name in names if traits[name].is_live}
            limits.append((live, f"its facts change {card.updates}, so they are looked up"))
        for able, sentence in limits:
            keeping = [name for name in left if name in able]
            if keeping and len(keeping) < len(left):
                left = keeping
                reasons.append(sentence)
        return Allowed(tuple(left), tuple(reasons), len(left) == 1 and bool(reasons))


def parse_table(intents: Mapping[str, Any], rules: tuple[Rule, ...]) -> RouterTable:
    """Return the table of [router]; ConfigError names the wrong key or the rule that uses nothing."""
    cards = {}
    for name, value in intents.items():
        place = f"[router.intents.{name}]"
        if not isinstance(value, Mapping):
            raise ConfigError(f"{place} must be a table, not {value!r}.")
        cards[name] = IntentCard(**check_options(IntentCard, value, place))
    for rule in rules:
        if not rule.use:
            raise ConfigError(
                "[[router.rules]] use must name at least one strategy. Name those that may answer."
            )
    return RouterTable(cards, rules)
