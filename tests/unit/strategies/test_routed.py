"""The routed strategy: every question reaches its strategy, the reason is in the answer, and a copied folder answers the same."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from knowhow import registry
from knowhow.errors import ConfigError, DataError, NotFoundError
from knowhow.protocols import Pipeline, RoutingStrategy, TextSink
from knowhow.strategies.routed import Routed, RoutedPipeline
from knowhow.testing.fakes import FakeEmbedder
from knowhow.testing.strategies import FakeComponents
from knowhow.types import Answer, Example, Message, Query, Role, Traits

CARDS = ["lost card", "card blocked", "new card please", "card stolen abroad", "card limit", "second card"]
LOANS = ["loan rate", "repay loan early", "loan for car", "loan term", "extend my loan", "loan refused"]
TRAITS = {"base": Traits(), "rag": Traits(retrieves=True, cites=True, is_live=True)}


def make_examples() -> list[Example]:
    return [
        Example(f"{intent}{number}", text, ("yes",), intent=intent)
        for intent, texts in (("cards", CARDS), ("loans", LOANS))
        for number, text in enumerate(texts)
    ]


@dataclass
class Echo:
    """Answers with its own name and remembers its batches."""

    name: str
    batches: list[list[str]] = field(default_factory=list)

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        self.batches.append([query.text for query in queries])
        if on_text is not None:
            for position, query in enumerate(queries):
                on_text(position, f"{self.name}:{query.text}")
        return [Answer(f"{self.name}:{query.text}", latency_ms=5.0, notes=("own",)) for query in queries]


def make_pipeline(**options: object) -> tuple[RoutedPipeline, dict[str, Echo]]:
    strategy = registry.build("strategy", "routed", {"confidence": 0.7, **options})
    router = strategy.router(make_examples(), FakeComponents(), TRAITS)
    recognised = router.recognise([Query(text) for text in CARDS + LOANS])
    assert [item.nearest for item in recognised] == ["cards"] * 6 + ["loans"] * 6
    taught = router.learn(recognised, {"base": [1.0] * 6 + [0.0] * 6, "rag": [0.2] * 6 + [1.0] * 6})
    echoes = {name: Echo(name) for name in TRAITS}
    return RoutedPipeline(taught, echoes), echoes


def test_each_question_goes_to_the_strategy_that_did_best_on_its_intent() -> None:
    pipeline, echoes = make_pipeline()
    sent: dict[int, str] = {}
    answers = pipeline.answer(
        [Query("my card is lost"), Query("rate of a loan"), Query("card stolen"), Query("weather")],
        lambda position, text: sent.__setitem__(position, text),
    )
    assert [answer.text for answer in answers] == [
        "base:my card is lost",
        "rag:rate of a loan",
        "base:card stolen",
        "rag:weather",
    ]
    assert sent == {place: answer.text for place, answer in enumerate(answers)}
    assert echoes["base"].batches == [["my card is lost", "card stolen"]]
    assert echoes["rag"].batches == [["rate of a loan", "weather"]]


def test_the_reason_stands_first_in_the_answer() -> None:
    pipeline, _ = make_pipeline()
    known, unknown = pipeline.answer([Query("my card is lost"), Query("weather")])
    assert known.notes[0].startswith("Routed to base: the question is about 'cards' (confidence ")
    assert "it scored 1.00 there against 0.20 of rag on 6 questions" in known.notes[0]
    assert "the intent is unknown" in unknown.notes[0]
    assert "rag is the fallback" in unknown.notes[0]
    assert known.notes[1:] == ("own",)
    assert known.latency_ms == pytest.approx(5.0 + known.timings_ms["route"])
    assert pipeline.answer([]) == []


def test_rules_decide_by_length_and_given_strategies_win() -> None:
    pipeline, _ = make_pipeline(
        intents={"loans": {"strategy": "base"}},
        rules=[{"use": ["rag"], "context_words": 30}],
    )
    history = (Message(Role.USER, "word " * 40),)
    answers = pipeline.answer([Query("loan rate"), Query("lost card"), Query("lost card", history=history)])
    assert [answer.text.split(":")[0] for answer in answers] == ["base", "base", "rag"]
    assert "[router.intents.loans] gives base" in answers[0].notes[0]
    assert "at least 30 words of context allows rag" in answers[2].notes[0]


def test_before_any_outcome_everything_goes_to_the_fallback() -> None:
    strategy = Routed(confidence=0.0)
    router = strategy.router(make_examples(), FakeComponents(), TRAITS)
    routes = router.decide(router.recognise([Query("lost card"), Query("loan rate")]))
    assert {route.strategy for route in routes} == {"base"}
    assert router.reachable() == ["base"]


def test_a_copied_folder_answers_the_same_and_holds_only_what_can_be_reached(tmp_path: Path) -> None:
    components = FakeComponents({"a": "A lost card is blocked at once.", "b": "A loan has a rate."})
    strategy = registry.build(
        "strategy",
        "routed",
        {"confidence": 0.2, "fallback": "rag", "intents": {"cards": {"strategy": "few_shot"}}},
    )
    strategy.fit(make_examples(), components, tmp_path / "fitted")
    shutil.copytree(tmp_path / "fitted", tmp_path / "copy")
    questions = [Query("my card is lost"), Query("rate of a loan"), Query("weather")]
    first = strategy.load(tmp_path / "fitted", components).answer(questions)
    second = strategy.load(tmp_path / "copy", components).answer(questions)
    assert [answer.text for answer in first] == [answer.text for answer in second]
    assert [answer.notes[0].split(":")[0] for answer in first] == [
        "Routed to few_shot",
        "Routed to rag",
        "Routed to rag",
    ]
    assert (tmp_path / "copy" / "strategies" / "few_shot" / "shots.json").is_file()
    assert {path.suffix for path in (tmp_path / "copy").rglob("*") if path.is_file()} == {".json", ".npz"}


def test_a_table_that_changed_since_is_refused_with_the_mend(tmp_path: Path) -> None:
    components = FakeComponents({"a": "A lost card is blocked."})
    Routed(fallback="rag").fit(make_examples(), components, tmp_path)
    changed = Routed(fallback="rag", intents={"cards": {"strategy": "base"}}, strategies=("rag",))
    with pytest.raises(NotFoundError, match="Run knowhow compare again"):
        # 'base' was never among the strategies that were kept.
        _load_with_base(changed, tmp_path, components)


def _load_with_base(strategy: Routed, folder: Path, components: FakeComponents) -> Pipeline:
    path = folder / "router.json"
    path.write_text(path.read_text().replace('"rag": {', '"base": {"cites": false}, "rag": {'))
    return strategy.load(folder, components)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fallback": "oracle"}, ConfigError, "cannot send questions to 'oracle'"),
        ({"strategies": ["rag", "routed"]}, ConfigError, "cannot send questions to 'routed'"),
        ({"fallback": "rga"}, NotFoundError, "rag"),
        (
            {"rules": [{"use": ["raft"], "updates": ["daily"], "speed": 1}]},
            ConfigError,
            "unknown key 'speed'",
        ),
    ],
)
def test_mistakes_in_the_table_are_named(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        registry.build("strategy", "routed", options, section="knowhow.toml [router]")


def test_without_intents_there_is_nothing_to_route_by() -> None:
    with pytest.raises(DataError, match="nothing to route by"):
        Routed().router([Example("e", "q", ("a",))], FakeComponents(), TRAITS)


def test_it_is_a_routing_strategy_and_others_are_not() -> None:
    assert isinstance(Routed(), RoutingStrategy)
    assert not isinstance(registry.build("strategy", "rag"), RoutingStrategy)
    assert FakeEmbedder().dimension == 64
