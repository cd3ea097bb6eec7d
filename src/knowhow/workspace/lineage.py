"""Where a document went: every dataset, adapter, tuned retriever, comparison, release and feedback that used it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow.config import Settings
from knowhow.deletion.receipts import find_receipt
from knowhow.deletion.tombstones import read_tombstones
from knowhow.errors import DataError, NotFoundError
from knowhow.evaluation.examples import read_examples
from knowhow.evidence import name_documents
from knowhow.releases.catalog import Catalog
from knowhow.storage import read_json, read_lines
from knowhow.types import DocumentRecord, Example

ROWS, PAIRS, MANIFEST, OUTCOME, LINEAGE = (
    "rows.jsonl",
    "pairs.jsonl",
    "adapter/manifest.json",
    "outcome.json",
    "lineage.json",
)
"""What strategies leave in their folders that names examples and documents."""


@dataclass(frozen=True, slots=True)
class Target:
    """Documents that are looked for: their ids, every name that leads to one of them, and the examples that rest on them."""

    ids: frozenset[str]
    sources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    examples: frozenset[str] = frozenset()

    def holds(self, documents: Iterable[str], examples: Iterable[str] = ()) -> bool:
        """Say whether one of the documents or examples is meant."""
        return not self.names.isdisjoint(documents) or not self.examples.isdisjoint(examples)


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that used a document; `kind` is dataset, adapter, retriever, examples, comparison, release or feedback.

    `strategy` names what learned from the document, `count` is rows, questions or entries that touch it; `state` says what stands in the way of its use, if anything.
    """

    kind: str
    name: str
    strategy: str = ""
    count: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What used the documents; `purged` is the tombstone where one was purged before, `examples` those that rest on them."""

    documents: tuple[str, ...]
    chunks: int
    examples: tuple[str, ...]
    uses: tuple[Use, ...]
    purged: str = ""

    def named(self, kind: str) -> list[str]:
        """Return the names of all uses of a kind."""
        return [use.name for use in self.uses if use.kind == kind]


@dataclass(frozen=True)
class FittedFacts:
    """What a strategy's folder says about its origin; `rows` are (examples, documents) of every training row or pair."""

    kind: str
    strategy: str = ""
    examples: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    rows: tuple[tuple[frozenset[str], frozenset[str]], ...] = field(default=())

    @property
    def touched(self) -> frozenset[str]:
        """Every document that training touched."""
        return self.documents.union(*(documents for _, documents in self.rows))

    def is_of(self, target: Target) -> bool:
        """Say whether a target was touched."""
        return target.holds(self.documents, self.examples) or self.count(target) > 0

    def count(self, target: Target) -> int:
        """Return how many rows touch a target."""
        return sum(target.holds(documents, examples) for examples, documents in self.rows)


def find_lineage(settings: Settings, name: str, records: Sequence[DocumentRecord]) -> Lineage:
    """Return what used a document, given by id, file or name; NotFoundError for a name that nothing ever used."""
    target = find_target(settings, [name], records, is_strict=False)
    stone = read_tombstones(settings.root).find_document(name, name)
    found = [*_uses(settings, target), *(_quarantined(settings, stone.id) if stone else ())]
    uses = tuple(sorted(found, key=lambda use: (use.kind, use.name)))
    if not uses and not stone and not any(record.id in target.ids for record in records):
        known = [record.id for record in records]
        raise NotFoundError.unknown("document", name, known)
    chunks = sum(record.chunks for record in records if record.id in target.ids)
    return Lineage(
        tuple(sorted(target.ids)), chunks, tuple(sorted(target.examples)), uses, stone.id if stone else ""
    )


def find_target(
    settings: Settings, names: Iterable[str], records: Sequence[DocumentRecord], *, is_strict: bool = True
) -> Target:
    """Resolve ids, sources, file paths and unambiguous names; NotFoundError for one that names no indexed document if `is_strict`."""
    by_id = {record.id: record for record in records}
    by_source: dict[str, set[str]] = {}
    for record in records:
        by_source.setdefault(record.source, set()).add(record.id)
    aliases = name_documents((record.id, record.source) for record in records)
    folder = (settings.root / settings.documents.path).resolve()
    ids: set[str] = set()
    for name in names:
        relative = _relative(name, folder)
        found = {name} & by_id.keys() or by_source.get(name) or by_source.get(relative)
        found = found or ({aliases[name]} if name in aliases else set())
        if not found and is_strict:
            raise NotFoundError.unknown("document", name, by_id)
        ids |= found or {relative}
    sources = {source for source, members in by_source.items() if members <= ids}
    names_of = {alias for alias, identifier in aliases.items() if identifier in ids}
    target = Target(frozenset(ids), frozenset(sources), frozenset(names_of | ids | sources))
    return Target(target.ids, target.sources, target.names, frozenset(_bound_examples(settings, target)))


def describe_fitted(folder: Path) -> FittedFacts | None:
    """Return where what was learned in a folder comes from; None for a folder that says nothing about it."""
    rows = [
        *(_row_facts(row) for row in _lines(folder / ROWS)),
        *(_row_facts(row) for row in _lines(folder / PAIRS)),
    ]
    notes = [_facts(folder / name) for name in (MANIFEST, OUTCOME, LINEAGE)]
    known = [note for note in notes if note]
    if not rows and not known:
        return None
    kind = "retriever" if notes[1] or (folder / PAIRS).exists() else "examples" if notes[2] else "adapter"
    strategy = next((str(note["strategy"]) for note in known if "strategy" in note), "")
    examples = {
        name for note in known for key in ("examples", "validation_examples") for name in note.get(key, ())
    }
    documents = {
        name for note in known for key in ("documents", "validation_documents") for name in note.get(key, ())
    }
    return FittedFacts(kind, strategy, frozenset(examples), frozenset(documents), tuple(rows))


def fitted_folders(settings: Settings) -> Iterator[Path]:
    """Yield every folder in the cache that a strategy learned into, finished or not."""
    for parent in ("fitted", "untrained"):
        for folder in sorted((settings.state / "cache" / parent).glob("*")):
            if folder.is_dir():
                yield folder


def release_folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield id and fitted folder of every release that lies on disk."""
    for folder in sorted((settings.state / "releases").glob("*")):
        if folder.is_dir():
            yield folder.name, folder / "fitted"


def run_questions(folder: Path, target: Target) -> set[str]:
    """Return the ids of a run's questions whose evidence or answers touch a target."""
    touched = {
        str(row["id"])
        for row in _lines(folder / "examples.jsonl")
        if target.holds((item["document"] for item in row.get("evidence", ())), [str(row["id"])])
    }
    for row in _lines(folder / "answers.jsonl"):
        shown = {hit["chunk"].get("document_id", "") for hit in row.get("hits", ())}
        shown |= {citation.get("document_id", "") for citation in row.get("citations", ())}
        if target.holds(shown):
            touched.add(str(row["example"]))
    return touched


def run_arms(folder: Path, fitted: Collection[str]) -> set[str]:
    """Return the arms of a run that answered with what they learned into one of the folders `fitted`."""
    return {
        str(arm["key"]) for arm in _json(folder / "run.json").get("arms", ()) if arm.get("fitted") in fitted
    }


def run_documents(folder: Path) -> set[str]:
    """Return every document that a run's answers were shown or its questions rest on."""
    found = {
        str(item["document"]) for row in _lines(folder / "examples.jsonl") for item in row.get("evidence", ())
    }
    for row in _lines(folder / "answers.jsonl"):
        found |= {str(hit["chunk"].get("document_id", "")) for hit in row.get("hits", ())}
    return found - {""}


def is_of_feedback(value: Mapping[str, Any], target: Target) -> bool:
    """Say whether a line of the feedback log names a target as shown, cited, missing or right."""
    named = {str(item.get("document", "")) for item in value.get("citations", ())}
    named |= {str(name) for name in value.get("documents", ())}
    named |= {str(value.get("missing_document", "")), str(value.get("document", ""))}
    return target.holds(named - {""})


def _uses(settings: Settings, target: Target) -> Iterator[Use]:
    touched = set()
    for folder in fitted_folders(settings):
        facts = describe_fitted(folder)
        if facts is not None and facts.is_of(target):
            touched.add(folder.name)
            yield from _describe_use(folder.name, facts, target)
    standing = Catalog(settings.state / "releases").standing()
    for name, folder in release_folders(settings):
        facts = describe_fitted(folder)
        if facts is not None and facts.is_of(target):
            states = {standing.champion: "champion", standing.challenger: "challenger"}
            yield Use("release", name, facts.strategy, facts.count(target), states.get(name, ""))
    for folder in sorted((settings.state / "runs").glob("*")):
        questions, arms = run_questions(folder, target), run_arms(folder, touched)
        if questions or arms:
            yield Use("comparison", folder.name, ", ".join(sorted(arms)), len(questions))
    said = sum(
        is_of_feedback(row.get("value", {}), target)
        for row in _lines(settings.state / "feedback" / "log.jsonl")
    )
    if said:
        yield Use("feedback", "feedback", count=said)


def _quarantined(settings: Settings, tombstone: str) -> Iterator[Use]:
    """Yield the releases that were quarantined when a document was purged: their lineage went with them."""
    try:
        receipt, _ = find_receipt(settings.state / "purged", tombstone)
    except NotFoundError:
        return
    for name in receipt.get("quarantined", ()):
        yield Use("release", str(name), state="quarantined")


def _describe_use(name: str, facts: FittedFacts, target: Target) -> Iterator[Use]:
    if facts.rows:
        yield Use("dataset", name, facts.strategy, facts.count(target))
    yield Use(facts.kind, name, facts.strategy, facts.count(target))


def _bound_examples(settings: Settings, target: Target) -> Iterator[str]:
    path = settings.root / settings.examples.path
    if not path.exists():
        return
    try:
        examples: Sequence[Example] = read_examples(path).examples
    except DataError:
        return
    for example in examples:
        if target.holds(item.document for item in example.evidence):
            yield example.id


def _row_facts(row: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    noted = row.get("metadata", {})
    return frozenset(map(str, noted.get("examples", ()))), frozenset(
        str(name) for key in ("documents", "evidence") for name in noted.get(key, ())
    )


def _facts(path: Path) -> Mapping[str, Any]:
    value = _json(path)
    return value if "examples" in value or "documents" in value else {}


def _json(path: Path) -> Mapping[str, Any]:
    value = read_json(path) if path.is_file() else {}
    return value if isinstance(value, dict) else {}


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    return (row for row in read_lines(path) if isinstance(row, dict))


def _relative(name: str, folder: Path) -> str:
    path = Path(name)
    for candidate in (path, Path.cwd() / path):
        if candidate.is_absolute() and candidate.resolve().is_relative_to(folder):
            return candidate.resolve().relative_to(folder).as_posix()
    return name
