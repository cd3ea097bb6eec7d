"""Stand-ins for strategies and components with known truth: which questions they get right is decided by digest, not by chance."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from knowhow.protocols import Embedder, Generator, Pipeline, Retriever, TextSink, Trainer
from knowhow.storage import write_json
from knowhow.testing.fakes import FakeEmbedder, FakeGenerator, FakeRetriever
from knowhow.types import Answer, Answering, Chunk, Citation, Document, Example, Format, Hit, Query


def is_right(question: str, accuracy: float, salt: str = "") -> bool:
    """Say whether a stand-in of this accuracy answers the question rightly: the share of questions tends to `accuracy`."""
    code = hashlib.sha256(f"{salt}\x00{question}".encode()).digest()
    return int.from_bytes(code[:6], "big") / 2**48 < accuracy


@dataclass
class KnownPipeline:
    """Gives the right answer to a fixed share of questions and `wrong` to the others, and remembers what it was asked."""

    answers: Mapping[str, str]
    accuracy: float
    salt: str = ""
    wrong: str = "something else"
    retriever: Retriever | None = None
    seconds: float = 0.0
    prompt_tokens: int = 50
    fails_on: Callable[[str], bool] = lambda text: False
    asked: list[str] = field(default_factory=list)
    log: Path | None = None

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """Answer each query; a query that `fails_on` names raises for the whole batch."""
        if self.log is not None:
            with self.log.open("a") as file:
                file.write("".join(f"{query.text}\n" for query in queries))
        self.asked += [query.text for query in queries]
        if self.seconds:
            time.sleep(self.seconds * len(queries))
        for query in queries:
            if self.fails_on(query.text):
                raise RuntimeError(f"cannot answer {query.text!r}")
        found = self.retriever.retrieve(queries, 3) if self.retriever is not None else [[] for _ in queries]
        return [self._answer(query.text, tuple(hits)) for query, hits in zip(queries, found, strict=True)]

    def _answer(self, text: str, hits: tuple[Hit, ...]) -> Answer:
        right = is_right(text, self.accuracy, self.salt)
        content = self.answers.get(text, "") if right else self.wrong
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
        return Answer(
            content,
            citations,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=len(content.split()),
            latency_ms=1.0,
            abstained=not content,
            hits=hits,
        )


@dataclass
class KnownStrategy:
    """A strategy with a known pipeline that records the rows it was fitted on, in memory and in its folder."""

    pipeline: KnownPipeline
    retrieves: bool = False
    fit_error: Exception | None = None
    fitted_on: list[str] = field(default_factory=list)

    def fit(self, examples: Sequence[Example], components: object, out: Path) -> None:
        """Keep the ids of the examples."""
        if self.fit_error is not None:
            raise self.fit_error
        self.fitted_on += [example.id for example in examples]
        write_json(out / "fitted.json", {"examples": len(examples)})

    def load(self, fitted: Path, components: FakeComponents) -> Pipeline:
        """Return the pipeline, retrieving where the strategy does."""
        if self.retrieves:
            self.pipeline.retriever = components.retriever()
        return self.pipeline


@dataclass
class FakeComponents:
    """Components over given documents: one chunk per document, lexical retrieval, the fake generator."""

    texts: Mapping[str, str] = field(default_factory=dict)
    format: Format = field(default_factory=Format)
    searches: int = 0

    @property
    def answering(self) -> Answering:
        """The defaults."""
        return Answering()

    @property
    def index_version(self) -> str:
        """One version for ever."""
        return "fake"

    @property
    def training_groups(self) -> frozenset[str]:
        """Public documents only."""
        return frozenset()

    def documents(self) -> Iterable[Document]:
        """One document per text."""
        return [Document(name, name, text, f"{name}.md") for name, text in self.texts.items()]

    def chunks(self) -> list[Chunk]:
        """One chunk per document."""
        return [
            Chunk(f"{name}#0", name, text, 0, len(text), title=name, source=f"{name}.md")
            for name, text in self.texts.items()
        ]

    def embedder(self, encoder: Path | None = None) -> Embedder:
        """The fake embedder."""
        return FakeEmbedder()

    def retriever(self, encoder: Path | None = None) -> Retriever:
        """The fake retriever over all chunks."""
        return FakeRetriever(self.chunks())

    def gold_retriever(self) -> Retriever:
        """The same: these fakes know no gold."""
        return FakeRetriever(self.chunks())

    def generator(self, adapter: Path | None = None) -> Generator:
        """The fake generator."""
        return FakeGenerator()

    def trainer(self) -> Trainer:
        """None of these stand-ins trains."""
        raise RuntimeError("no trainer in a test of the experiment")
