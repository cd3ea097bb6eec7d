"""The router: intent of a question -> the strategy that answers it, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.generation.standalone import stand_alone
from knowhow.language import words
from knowhow.routing.choices import Estimate, Outcomes, choose, estimate, rank_overall
from knowhow.routing.recogniser import Recogniser, load_recogniser, save_recogniser
from knowhow.routing.table import RouterTable
from knowhow.storage import read_json, write_json
from knowhow.types import Query, Recognition, Route, Traits

if TYPE_CHECKING:
    from knowhow.protocols import Embedder

_FILE = "router.json"


@dataclass(frozen=True)
class IntentRouter:
    """Recognises intents and, once it has learned from outcomes, sends each to its strategy; before that, to the fallback.

    `strategies` may answer, `preferred` is the configured fallback (empty: the best of them overall).
    """

    recogniser: Recogniser
    table: RouterTable
    embedder: Embedder
    strategies: Mapping[str, Traits]
    preferred: str = ""
    margin: float = 0.02
    least: int = 5
    ranking: tuple[str, ...] = ()
    estimates: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)

    @property
    def fallback(self) -> str:
        """The strategy for unknown intents: the configured one, else the best overall, else the first."""
        names = tuple(self.strategies)
        return self.preferred if self.preferred in names else (*self.ranking, *names)[0]

    def recognise(self, queries: Sequence[Query]) -> list[Recognition]:
        """Return what each question is about, and how long it is with the turns before it."""
        import numpy as np

        texts = [stand_alone(query).text for query in queries]
        has_weights = self.recogniser.regression is not None and bool(texts)
        vectors = self.embedder.embed(texts).astype(np.float64) if has_weights else np.zeros((len(texts), 0))
        found = self.recogniser.recognise(texts, vectors)
        return [
            Recognition(
                item.intent, item.nearest, round(item.confidence, 4), item.is_phrase, _context_words(query)
            )
            for item, query in zip(found, queries, strict=True)
        ]

    def learn(self, recognised: Sequence[Recognition], outcomes: Outcomes) -> IntentRouter:
        """Return a router that knows how its strategies did on these questions; outcomes of other strategies are left alone."""
        names = [name for name in self.strategies if name in outcomes]
        if not names:
            return self
        ranking = tuple(rank_overall(outcomes, names))
        fallback = self.preferred if self.preferred in names else ranking[0]
        intents = [item.intent for item in recognised]
        return replace(self, ranking=ranking, estimates=estimate(outcomes, intents, names, fallback))

    def decide(self, recognised: Sequence[Recognition]) -> list[Route]:
        """Return for each question the strategy that answers it, and why."""
        return [self._decide(item) for item in recognised]

    def reachable(self) -> list[str]:
        """Return the strategies that some question can reach, the fallback among them, in the order of `strategies`."""
        lengths = {0, *(rule.context_words for rule in self.table.rules)}
        intents = {"", *self.recogniser.intents, *self.table.cards} - self.recogniser.outside
        routes = self.decide(
            [
                Recognition(intent, intent, 1.0, False, length)
                for intent in sorted(intents)
                for length in sorted(lengths)
            ]
        )
        used = {route.strategy for route in routes} | {self.fallback}
        return [name for name in self.strategies if name in used]

    def _decide(self, item: Recognition) -> Route:
        allowed = self.table.allow(item.intent, item.context_words, tuple(self.strategies), self.strategies)
        strategy, why = self._choose(item.intent, allowed.names)
        if allowed.is_given:
            why = ""
        if item.intent:
            subject = f"the question is about '{item.intent}' ({_how(item)})"
        elif item.nearest:
            subject = f"the intent is unknown (nearest '{item.nearest}' at {item.confidence:.2f}, {self.recogniser.threshold:.2f} needed)"
        else:
            subject = "the intent is unknown"
        reasons = [reason for reason in (*allowed.reasons, why) if reason]
        return Route(strategy, item.intent, item.confidence, f"{subject}; {'; '.join(reasons)}.")

    def _choose(self, intent: str, names: Sequence[str]) -> tuple[str, str]:
        """Return the strategy among those allowed, and why."""
        fallback = self.fallback
        if not intent and fallback in names:
            return fallback, f"{fallback} is the fallback"
        order = [*self.ranking, *self.strategies]
        base = fallback if fallback in names else min(names, key=order.index)
        if len(names) == 1:
            return base, f"only {base} may answer"
        found = [item for item in self.estimates.get(intent, ()) if item.strategy in names]
        if not intent or not found:
            return base, f"nothing was measured for it, and {base} is the fallback"
        known = {item.strategy: item for item in found}
        if base not in known:
            return base, f"{base} was not measured there"
        # Leads are against the router's own fallback; where that may not answer, they are taken against the one that stands in.
        shift = known[base].lead
        level = [replace(item, lead=item.lead - shift) for item in found]
        return choose(level, base, self.strategies, self.margin, self.least)


def _how(item: Recognition) -> str:
    return "by an agreed phrase" if item.is_phrase else f"confidence {item.confidence:.2f}"


def _context_words(query: Query) -> int:
    return sum(len(words(text)) for text in (query.text, *(turn.content for turn in query.history)))


def save_router(router: IntentRouter, folder: Path) -> None:
    """Write recogniser and estimates to a folder; the table comes from the options whenever the router is loaded."""
    save_recogniser(router.recogniser, folder)
    write_json(
        folder / _FILE,
        {
            "strategies": {name: asdict(traits) for name, traits in router.strategies.items()},
            "ranking": list(router.ranking),
            "estimates": {
                intent: [asdict(item) for item in items] for intent, items in router.estimates.items()
            },
        },
    )


def load_router(
    folder: Path, table: RouterTable, embedder: Embedder, *, preferred: str, margin: float, least: int
) -> IntentRouter:
    """Read what `save_router` wrote."""
    value: dict[str, Any] = read_json(folder / _FILE)
    return IntentRouter(
        load_recogniser(folder),
        table,
        embedder,
        {name: Traits(**traits) for name, traits in value["strategies"].items()},
        preferred,
        margin,
        least,
        tuple(value["ranking"]),
        {intent: tuple(Estimate(**item) for item in items) for intent, items in value["estimates"].items()},
    )
