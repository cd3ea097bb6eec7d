"""Routing: each question goes to the strategy that did best on its intent; what nobody recognises goes to the fallback."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from knowhow import registry
from knowhow.errors import ConfigError, DataError, NotFoundError
from knowhow.protocols import Components, Pipeline, Router, Strategy, TextSink
from knowhow.registry import register
from knowhow.routing.recogniser import Recogniser, learn_recogniser
from knowhow.routing.router import IntentRouter, load_router, save_router
from knowhow.routing.table import RouterTable, Rule, parse_table
from knowhow.storage import read_blocks, read_json, write_blocks, write_json
from knowhow.types import Answer, Example, Query, Route, Traits

_STRATEGIES, _FILE = "strategies", "strategies.json"
_UNMEASURED = "rag"
"""The fallback where nothing was measured and none is configured."""


@register("strategy", "routed")
@dataclass(frozen=True)
class Routed:
    """Sends each question to one of `strategies` (none named: all that are measured), as [router] says and outcomes show.

    An intent leaves the fallback only for a lead of `margin` on `least` questions. `confidence` below which an intent counts as
    unknown is learned where not given. `outside` are names of intents that mark training questions no strategy is meant for.
    `options` are those of the strategies, which the workspace fills in.
    """

    strategies: tuple[str, ...] = ()
    fallback: str = ""
    margin: float = 0.02
    least: int = 5
    confidence: float | None = None
    outside: tuple[str, ...] = ("out_of_scope", "unknown", "other")
    intents: Mapping[str, Any] = field(default_factory=dict, hash=False)
    rules: tuple[Rule, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    traits: ClassVar[Traits] = Traits(retrieves=True, learns=True)

    def __post_init__(self) -> None:
        """Check the table and the names of strategies; ConfigError."""
        for name in sorted({*self.strategies, *self.table.named, *filter(None, [self.fallback])}):
            self._check(name)

    @cached_property
    def table(self) -> RouterTable:
        """What [router] says about intents."""
        return parse_table(self.intents, self.rules)

    def choices(self, names: Sequence[str]) -> list[str]:
        """Return which of `names` questions may be sent to."""
        return [name for name in names if name in self.strategies or not self.strategies]

    def router(
        self, examples: Sequence[Example], components: Components, strategies: Mapping[str, Traits]
    ) -> IntentRouter:
        """Learn intents from training examples; DataError where neither examples nor phrases name any."""
        embedder = components.embedder()
        rows = [example for example in examples if example.intent]
        phrases = self.table.phrases
        if len({example.intent for example in rows}) > 1:
            vectors = embedder.embed([example.question for example in rows]).astype("float64")
            recogniser = learn_recogniser(
                vectors,
                [example.intent for example in rows],
                outside=frozenset(self.outside),
                phrases=phrases,
                threshold=self.confidence,
            )
        elif phrases:
            recogniser = Recogniser(phrases=phrases)
        else:
            raise DataError(
                "Neither the training examples nor [router.intents] name intents, so there is nothing to route by.",
                mend="Give examples an 'intent', or name intents with phrases under [router.intents].",
            )
        return IntentRouter(
            recogniser, self.table, embedder, strategies, self.fallback, self.margin, self.least
        )

    def keep(self, router: Router, fitted: Mapping[str, Path], out: Path) -> None:
        """Write the router, and copies of what the strategies that it can reach learned."""
        assert isinstance(router, IntentRouter)
        names = router.reachable()
        for name in names:
            for path in sorted(fitted[name].rglob("*")):
                if path.is_file():
                    copy = out / _STRATEGIES / name / path.relative_to(fitted[name])
                    write_blocks(copy, read_blocks(path))
        save_router(router, out)
        write_json(out / _FILE, names)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn intents, and fit the strategies that [router] itself names; which one does best only a comparison can tell."""
        names = list(
            dict.fromkeys([self.fallback or _UNMEASURED, *self.strategies, *sorted(self.table.named)])
        )
        built = {name: self._build(name) for name in names}
        traits = {name: strategy.traits for name, strategy in built.items()}
        preferred = replace(self, fallback=self.fallback or _UNMEASURED)
        router = preferred.router(examples, components, traits)
        for name in router.reachable():
            built[name].fit(examples, components, out / _STRATEGIES / name)
        save_router(router, out)
        write_json(out / _FILE, router.reachable())

    def load(self, fitted: Path, components: Components) -> Pipeline:
        """Return the pipeline that sends each question on."""
        router = load_router(
            fitted,
            self.table,
            components.embedder(),
            preferred=self.fallback,
            margin=self.margin,
            least=self.least,
        )
        kept = list(read_json(fitted / _FILE))
        missing = [name for name in router.reachable() if name not in kept]
        if missing:
            raise NotFoundError(
                f"[router] now sends questions to {', '.join(missing)}, which the last comparison did not keep. Run knowhow compare again."
            )
        pipelines = {name: self._build(name).load(fitted / _STRATEGIES / name, components) for name in kept}
        return RoutedPipeline(router, pipelines)

    def _build(self, name: str) -> Strategy:
        strategy: Strategy = registry.build(
            "strategy", name, self.options.get(name, {}), section=f"knowhow.toml [strategy.{name}]"
        )
        return strategy

    def _check(self, name: str) -> None:
        part = registry.find("strategy", name)
        if part is Routed or getattr(part, "traits", Traits()).is_diagnostic:
            raise ConfigError(f"[router] cannot send questions to '{name}'. Name another strategy.")


@dataclass(frozen=True)
class RoutedPipeline:
    """Asks the pipeline of each question's strategy, every one with its questions as one batch; the reason is the first note."""

    router: IntentRouter
    pipelines: Mapping[str, Pipeline]

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """Return one answer per query, in order."""
        if not queries:
            return []
        started = time.perf_counter()
        routes = self.router.decide(self.router.recognise(queries))
        share_ms = (time.perf_counter() - started) * 1000 / len(queries)
        answers: dict[int, Answer] = {}
        for name in dict.fromkeys(route.strategy for route in routes):
            places = [place for place, route in enumerate(routes) if route.strategy == name]
            sink = None if on_text is None else _forward(on_text, places)
            found = self.pipelines[name].answer([queries[place] for place in places], sink)
            answers.update(zip(places, found, strict=True))
        return [explain(answers[place], route, share_ms) for place, route in enumerate(routes)]


def explain(answer: Answer, route: Route, milliseconds: float) -> Answer:
    """Return the answer with its route as the first note and the time of routing."""
    return replace(
        answer,
        notes=(f"Routed to {route.strategy}: {route.reason}", *answer.notes),
        latency_ms=round(answer.latency_ms + milliseconds, 3),
        timings_ms={"route": round(milliseconds, 3), **answer.timings_ms},
    )


def _forward(sink: TextSink, places: Sequence[int]) -> Callable[[int, str], None]:
    def send(position: int, text: str) -> None:
        sink(places[position], text)

    return send
