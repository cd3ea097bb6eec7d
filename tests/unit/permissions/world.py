"""A company of people, groups and documents, each document with words of its own, to look for leaks in whatever a person is shown."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.config import parse_settings
from knowhow.protocols import Retriever
from knowhow.registry import build
from knowhow.retrieval import build_retriever
from knowhow.retrieval.cache import CachingRetriever
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.retrieval.reranking import RerankingRetriever
from knowhow.retrieval.retrievers import DenseRetriever, HybridRetriever, LexicalRetriever
from knowhow.strategies.assembly import assemble
from knowhow.testing.fakes import FakeEmbedder, FakeGenerator
from knowhow.types import Answer, Chunk, Document, Query
from knowhow.workspace.components import WorkspaceComponents

EMBEDDER = FakeEmbedder(32)
_SECRET = re.compile(r"zk\d{5}qv")
PATHS = ("dense", "lexical", "hybrid", "reranked", "cached", "answered")
WORDS = [
    "loan",
    "rate",
    "fee",
    "account",
    "card",
    "limit",
    "branch",
    "form",
    "refund",
    "transfer",
    "dispute",
    "charge",
    "salary",
    "review",
    "contract",
    "notice",
    "period",
    "audit",
    "file",
    "case",
    "client",
    "letter",
    "claim",
    "policy",
    "amount",
    "date",
    "office",
    "desk",
    "team",
    "manager",
    "order",
    "supplier",
    "invoice",
    "budget",
]


@dataclass(frozen=True)
class World:
    """Documents in a random order, and people with the groups that they hold."""

    documents: tuple[Document, ...]
    people: tuple[frozenset[str], ...]

    def readable(self, person: frozenset[str]) -> list[Document]:
        """The documents that a person may read, by the rule of the documentation and nothing else."""
        return [
            item for item in self.documents if not item.groups or any(name in item.groups for name in person)
        ]


def secret(number: int) -> str:
    """Return the word that stands in one document only."""
    return f"zk{number:05d}qv"


def make_world(seed: int, documents: int, people: int = 40, groups: int = 25) -> World:
    """Draw documents (a third of them public, the others for one to three groups) and people with nested groups."""
    chance = random.Random(seed)
    names = [f"g{number}" for number in range(groups)]
    parents = {name: names[chance.randrange(place)] if place else "" for place, name in enumerate(names)}
    made = []
    for number in range(documents):
        allowed = (
            frozenset(chance.sample(names, chance.randint(1, 3))) if chance.random() > 0.34 else frozenset()
        )
        parts = [
            f"{' '.join(chance.choices(WORDS, k=18))}. {secret(number)} {part}. {' '.join(chance.choices(WORDS, k=12))}."
            for part in ("first", "second")
        ]
        made.append(
            Document(
                f"d{number:05d}",
                f"Paper {number} {secret(number)}",
                "\n".join(parts),
                f"d{number:05d}.md",
                allowed,
                "en",
            )
        )
    holders = []
    for _ in range(people):
        held = set(chance.sample(names, chance.randint(0, 4)))
        for name in list(held):
            while name := parents[name]:
                held.add(name)
        holders.append(frozenset(held))
    return World(tuple(made), tuple(holders))


def cut(document: Document) -> list[Chunk]:
    """Cut a document at its line breaks."""
    chunks, start = [], 0
    for number, part in enumerate(document.text.split("\n")):
        chunks.append(
            Chunk(f"{document.id}:{number}", document.id, part, start, start + len(part), document.groups, document.title, document.source)
        )  # fmt: skip
        start += len(part) + 1
    return chunks


def make_index(path: Path, documents: Sequence[Document]) -> SqliteIndex:
    """Write documents into a new index."""
    index = SqliteIndex(path, EMBEDDER.identity)
    put(index, documents)
    return index


def put(index: SqliteIndex, documents: Sequence[Document], deleted: Sequence[str] = ()) -> None:
    """Replace documents in an index."""
    chunks = [chunk for document in documents for chunk in cut(document)]
    vectors = (
        EMBEDDER.embed([chunk.text for chunk in chunks]) if chunks else np.zeros((0, 0), dtype=np.float32)
    )
    index.update(documents, chunks, vectors, deleted)


class Looker:
    """Everything that a person can be shown of an index, by every path."""

    def __init__(self, index: SqliteIndex, folder: Path) -> None:
        hybrid = HybridRetriever(index, EMBEDDER, 50)
        self.retrievers: dict[str, Retriever] = {
            "dense": DenseRetriever(index, EMBEDDER),
            "lexical": LexicalRetriever(index, 50),
            "hybrid": hybrid,
            "reranked": RerankingRetriever(hybrid, build("reranker", "proximity")),
            "cached": CachingRetriever(hybrid, index),
        }
        settings = parse_settings({"embedder": "fake", "generator": "fake", "language": "en"}, folder)
        components = WorkspaceComponents(settings)
        components.__dict__["index"] = index
        # The model gives away all that it was told: what is not in its prompt cannot leak through any answer.
        parrot = FakeGenerator(
            lambda turns: " ".join(turn.content for turn in turns).replace("\n", " ") + " [1]", 8000
        )
        self.pipeline = assemble(components, parrot, build_retriever(settings.retrieval, index, EMBEDDER))

    def look(self, path: str, queries: Sequence[Query]) -> list[object]:
        """Return what each asker is shown: hits with scores, or the whole answer with prompt, citations and notes."""
        if path == "answered":
            return [_timeless(answer) for answer in self.pipeline.answer(queries)]
        if path == "cached":
            self.retrievers[path].retrieve(queries, 5)
        return list(self.retrievers[path].retrieve(queries, 5))


def _timeless(answer: Answer) -> Answer:
    return replace(answer, latency_ms=0.0, timings_ms={}, index_version="")


def draw_queries(world: World, count: int, seed: int) -> list[tuple[Query, list[str]]]:
    """Return queries with the words that their askers may not see; every second repeats a forbidden passage word for word."""
    chance = random.Random(f"queries:{seed}")
    drawn = []
    for number in range(count):
        person = world.people[number % len(world.people)]
        readable = {document.id for document in world.readable(person)}
        hidden = [place for place, document in enumerate(world.documents) if document.id not in readable]
        if number % 2 and hidden:
            text = world.documents[chance.choice(hidden)].text.split("\n")[chance.randrange(2)]
            text = text.replace(text.split(". ")[1].split()[0], "") if chance.random() < 0.5 else text
        else:
            text = " ".join(chance.choices(WORDS, k=chance.randint(3, 9)))
        drawn.append((Query(text, person), [secret(place) for place in hidden]))
    return drawn


def find_leaks(shown: object, query: Query, hidden: Sequence[str]) -> list[str]:
    """Return the hidden words in what is shown that the asker did not bring along."""
    found = set(_SECRET.findall(repr(shown))) - set(_SECRET.findall(query.text))
    return sorted(found.intersection(hidden))


def count_leaks(world: World, looker: Looker, queries: int, seed: int) -> tuple[int, int]:
    """Return checks made and leaks found, by hidden words and by the groups on every passage shown."""
    checks = leaks = 0
    drawn = draw_queries(world, queries, seed)
    allowed: dict[frozenset[str], set[str]] = {
        person: {document.id for document in world.readable(person)} for person in world.people
    }
    for start in range(0, len(drawn), 50):
        batch = drawn[start : start + 50]
        for path in PATHS:
            for (query, hidden), shown in zip(
                batch, looker.look(path, [query for query, _ in batch]), strict=True
            ):
                checks += 1
                hits = shown.hits if isinstance(shown, Answer) else shown
                ids = {hit.chunk.document_id for hit in hits}  # type: ignore[attr-defined]
                leaks += bool(ids - allowed[query.groups]) or bool(find_leaks(shown, query, hidden))
    return checks, leaks


def count_equal(world: World, looker: Looker, folder: Path, pairs: int, seed: int) -> tuple[int, int]:
    """Return pairs of person and query, and how many are shown the very same by an index of that person's documents alone."""
    drawn = draw_queries(world, pairs, seed)
    equal = 0
    for number, person in enumerate(world.people):
        mine = [query for query, _ in drawn[number :: len(world.people)]]
        if not mine:
            continue
        alone = Looker(make_index(folder / f"alone{number}.sqlite", world.readable(person)), folder)
        seen = [list(map(repr, looker.look(path, mine))) for path in PATHS]
        clean = [list(map(repr, alone.look(path, mine))) for path in PATHS]
        equal += sum(
            one == other for one, other in zip(zip(*seen, strict=True), zip(*clean, strict=True), strict=True)
        )
    return len(drawn), equal
