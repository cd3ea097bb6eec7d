"""No registered strategy ever sees a held-out row: not in fit, not in what it writes, not in a prompt for another question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from knowhow import registry
from knowhow.errors import BackendError
from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.metrics.information import build_metric
from knowhow.protocols import Components, Generator, Pipeline
from knowhow.storage import write_json, write_text
from knowhow.testing.fakes import FakeGenerator
from knowhow.testing.strategies import FakeComponents
from knowhow.training.adapters import FACTS, WEIGHTS
from knowhow.types import Conversation, Evidence, Example, Traits

MARK = re.compile(r"mark\d{3}x")


def make_examples() -> list[Example]:
    """Every question carries a mark of its own that stands in no document."""
    return [
        Example(
            f"e{number}",
            f"What is the code mark{number:03d}x of drawer {number * 7919}?",
            (f"code {number}",),
            (Evidence(f"d{number}", f"Drawer {number * 7919} has code {number}."),),
            intent="drawers" if number % 2 else "lockers",
        )
        for number in range(24)
    ]


@dataclass
class Trainer:
    """Keeps what it is given to train on."""

    seen: list[Conversation] = field(default_factory=list)
    row_limit: int = 1000

    def train(self, conversations: Sequence[Conversation], out: Path, *, seed: int = 0) -> None:
        self.seen += conversations
        write_text(out / WEIGHTS, "\n".join(turn.content for item in conversations for turn in item))
        facts = ("base_model", "base_digest", "data_digest", "versions", "options")
        write_json(out / FACTS, {**dict.fromkeys(facts, ""), "seed": seed})


@dataclass
class WatchedComponents(FakeComponents):
    """The fake components with one generator and one trainer that remember everything."""

    watched: FakeGenerator = field(default_factory=FakeGenerator)
    taught: Trainer = field(default_factory=Trainer)

    def generator(self, adapter: Path | None = None) -> Generator:
        return self.watched

    def trainer(self) -> Any:
        return self.taught


@dataclass
class Watched:
    """A strategy that remembers which rows its `fit` was given."""

    inner: Any
    fitted_on: set[str] = field(default_factory=set)

    @property
    def traits(self) -> Traits:
        traits: Traits = self.inner.traits
        return traits

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        self.fitted_on |= {example.id for example in examples}
        if isinstance(self.inner, registry.find("strategy", "tuned_retriever")):  # type: ignore[arg-type]
            # Its encoder needs a real model; what it is given is what this test is about.
            raise BackendError("no encoder to tune in this test")
        self.inner.fit(examples, components, out)

    def load(self, fitted: Path, components: Components) -> Pipeline:
        pipeline: Pipeline = self.inner.load(fitted, components)
        return pipeline


@pytest.mark.parametrize("name", registry.names("strategy"))
def test_held_out_rows_stay_unseen(name: str, tmp_path: Path) -> None:
    examples = make_examples()
    components = WatchedComponents({item.evidence[0].document: item.evidence[0].quote for item in examples})
    strategy = Watched(registry.build("strategy", name))
    plain = Watched(registry.build("strategy", "base"))
    plan = ExperimentPlan(
        tuple(examples),
        (Arm(name, strategy, "d1", strategy.traits), Arm("plain", plain, "d2", plain.traits)),
        components,
        {"token_f1": build_metric("token_f1")},
        "token_f1",
        tmp_path / "runs",
        tmp_path / "cache",
        latency_calls=0,
        stops_early=False,
    )
    record = run_experiment(plan)
    held_out = {MARK.findall(item.question)[0] for item in examples if item.id in record.split.held_out}
    assert held_out
    assert strategy.fitted_on == set(record.split.train)
    written = [path.read_bytes() for path in (tmp_path / "cache" / "fitted").rglob("*") if path.is_file()]
    assert (
        not {mark for content in written for mark in MARK.findall(content.decode(errors="replace"))}
        & held_out
    )
    taught = " ".join(turn.content for item in components.taught.seen for turn in item)
    assert not set(MARK.findall(taught)) & held_out
    for conversation in components.watched.seen:
        marks = set(MARK.findall(" ".join(turn.content for turn in conversation)))
        assert len(marks & held_out) <= 1
    assert {arm.key for arm in record.arms if arm.skipped} <= ({"tuned_retriever"} & {name})
