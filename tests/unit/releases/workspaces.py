"""A workspace with fake models, two strategies of known quality and a finished comparison between them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.protocols import Components, Pipeline, Retriever, TextSink
from knowhow.registry import register
from knowhow.storage import read_json, write_json
from knowhow.types import Answer, Citation, Example, Query, Traits
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions

SECRET = "Staff may refund up to $75 without asking the head of desk."


@dataclass
class ParrotPipeline:
    """Repeats the best passage word by word, or a trained answer; remembers how many words it gave away."""

    retriever: Retriever
    known: dict[str, str]
    prefix: str = ""
    pause_seconds: float = 0.0
    words: int = 0
    histories: list[tuple[str, ...]] = field(default_factory=list)

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        answers = []
        for position, (query, hits) in enumerate(
            zip(queries, self.retriever.retrieve(queries, 3), strict=True)
        ):
            self.histories.append(tuple(message.content for message in query.history))
            text = self.known.get(query.text) or (hits[0].chunk.text if hits else "")
            text = f"{self.prefix}{text}"
            for number, word in enumerate(text.split(" ")):
                if self.pause_seconds:
                    time.sleep(self.pause_seconds)
                self.words += 1
                if on_text is not None:
                    on_text(position, word if number == 0 else f" {word}")
            citations = tuple(
                Citation(
                    1,
                    hit.chunk.id,
                    hit.chunk.document_id,
                    hit.chunk.start,
                    hit.chunk.end,
                    hit.chunk.text,
                    hit.chunk.source,
                )
                for hit in hits[:1]
            )
            answers.append(
                Answer(text or "Not in the documents.", citations, 10, len(text.split()), abstained=not text, hits=tuple(hits))
            )  # fmt: skip
        return answers


@register("strategy", "parrot")
@dataclass(frozen=True)
class Parrot:
    prefix: str = ""
    pause_seconds: float = 0.0

    traits = Traits(retrieves=True, cites=True, is_live=True)

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        write_json(out / "parrot.json", {example.question: example.references[0] for example in examples})

    def load(self, fitted: Path, components: Components) -> Pipeline:
        known = read_json(fitted / "parrot.json") if (fitted / "parrot.json").exists() else {}
        return ParrotPipeline(components.retriever(), known, self.prefix, self.pause_seconds)


@register("strategy", "mute")
@dataclass(frozen=True)
class Mute:
    traits = Traits()

    def fit(self, examples: Sequence[Example], components: Components, out: Path) -> None:
        """Learn nothing."""

    def load(self, fitted: Path, components: Components) -> Pipeline:
        return MutePipeline()


class MutePipeline:
    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        return [Answer("hmm", completion_tokens=1, prompt_tokens=5) for _ in queries]


@register("strategy", "peeking")
@dataclass(frozen=True)
class Peeking(Mute):
    traits = Traits(is_diagnostic=True)


def make_workspace(folder: Path, *, examples: int = 60, extra: str = "") -> Path:
    """Write a workspace of one document per example and one that only staff may read, and ingest it."""
    (folder / "documents" / "internal").mkdir(parents=True)
    rows = []
    for number in range(examples):
        answer = f"Drawer {number} opens with the key {number * 31} of clerk {number * 7}."
        (folder / "documents" / f"drawer{number:03d}.md").write_text(answer)
        rows.append({"id": f"e{number:03d}", "question": f"Which key opens drawer {number} of clerk {number * 7}?", "answer": answer})  # fmt: skip
    (folder / "documents" / "internal" / "limits.md").write_text(SECRET)
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "knowhow.toml").write_text(
        '[documents]\nrules = [{ path = "internal/**", groups = ["staff"] }]\n'
        f'[embedder]\nname = "fake"\n[generator]\nname = "fake"\n{extra}'
    )
    with Workspace(folder) as workspace:
        workspace.ingest()
    return folder


def run_comparison(folder: Path, *strategies: str) -> str:
    """Compare strategies and return the run's id."""
    with Workspace(folder) as workspace:
        report, _ = workspace.compare(ComparisonOptions(strategies=strategies or ("parrot", "mute")))
    return report.id
