"""Splits that do not leak: rows that share an evidence document or nearly repeat a question stay on one side.

Rows are joined into clusters (union-find). Each cluster goes whole to `train` or `held_out`; which one is decided by the digest of the
cluster's smallest question within its stratum of intent and answerability, so that it depends on the questions alone: adding rows
moves no old cluster, unless a new row joins two of them or a stratum had a single cluster on one side to keep both filled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from knowhow.errors import DataError
from knowhow.evaluation.duplicates import find_near_duplicates, normalise
from knowhow.storage import digest, digest_json
from knowhow.types import Example

TRAIN, HELD_OUT = "train", "held_out"
_LARGEST_CLUSTER = 0.6
"""Share of all rows above which one cluster would leave a side nearly empty."""


@dataclass(frozen=True, slots=True)
class Split:
    """Ids of the training and the held-out examples in the order of the file; `by` says what kept rows together."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    by: str
    clusters: int
    digest: str
    notes: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()
    strata: Mapping[str, tuple[int, int]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row and a held-out row that share what they should not: `kind` is question or evidence."""

    train_id: str
    held_out_id: str
    kind: str


def split_examples(examples: Sequence[Example], held_out: float = 0.4, *, salt: str = "") -> Split:
    """Divide examples into training and held-out rows, about the share `held_out` held out; DataError when one side is empty.

    Rows that name their split keep it; leaks between such rows are reported, not mended.
    """
    if len({example.id for example in examples}) != len(examples):
        raise DataError("Two examples have the same id.", mend="Give each example its own id.")
    clusters, by = _clusters(examples)
    sides: dict[str, str] = {}
    notes: list[str] = []
    moved = 0
    for members in clusters:
        named = {example.split for example in members if example.split}
        for example in members:
            if example.split:
                sides[example.id] = example.split
        free = [example for example in members if not example.split]
        if free and named:
            # A free row beside a training row would leak into the test, so it follows the training row.
            side = TRAIN if TRAIN in named else HELD_OUT
            sides.update({example.id: side for example in free})
            moved += len(free)
    free_clusters = [members for members in clusters if all(not example.split for example in members)]
    sides.update(_assign(free_clusters, held_out, salt))
    if moved:
        notes.append(f"{moved} rows without a split follow rows they share evidence or wording with.")
    result = _build(examples, sides, by, len(clusters), notes)
    if not result.held_out:
        raise DataError(
            "No example is held out, so nothing can be measured.",
            mend="Add examples about other documents, or mark rows with split 'held_out'.",
        )
    return result


def label_clusters(examples: Sequence[Example]) -> dict[str, str]:
    """Return for each example id the name of the cluster it shares evidence or wording with: scores inside one are not independent."""
    clusters, _ = _clusters(examples)
    return {example.id: min(member.id for member in members) for members in clusters for example in members}


def find_leaks(examples: Sequence[Example], sides: Mapping[str, str]) -> tuple[Leak, ...]:
    """Return pairs across the split that nearly repeat each other's question or quote the same evidence document."""
    leaks = [
        Leak(*_ordered(one, other, sides), "question")
        for one, other, _ in find_near_duplicates({example.id: example.question for example in examples})
        if sides[one] != sides[other]
    ]
    by_document: dict[str, dict[str, str]] = defaultdict(dict)
    for example in examples:
        for document in _documents(example):
            by_document[document].setdefault(sides[example.id], example.id)
    leaks += [
        Leak(found[TRAIN], found[HELD_OUT], "evidence")
        for found in by_document.values()
        if TRAIN in found and HELD_OUT in found
    ]
    return tuple(leaks)


def split_from_json(value: Mapping[str, Any]) -> Split:
    """Rebuild a frozen split from a run's split.json."""
    return Split(
        tuple(value["train"]),
        tuple(value["held_out"]),
        value["by"],
        value["clusters"],
        value["digest"],
        tuple(value.get("notes", ())),
        tuple(Leak(**leak) for leak in value.get("leaks", ())),
        {name: (counts[0], counts[1]) for name, counts in value.get("strata", {}).items()},
    )


class DisjointSets:
    """Union-find over hashable items with path halving."""

    def __init__(self) -> None:
        self._parents: dict[Hashable, Hashable] = {}

    def find(self, item: Hashable) -> Hashable:
        """Return the representative of the item's set; an unseen item is its own set."""
        self._parents.setdefault(item, item)
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item

    def join(self, one: Hashable, other: Hashable) -> None:
        """Put two items into one set."""
        self._parents[self.find(one)] = self.find(other)


def _clusters(examples: Sequence[Example]) -> tuple[list[list[Example]], str]:
    """Join by evidence and wording; where that chains most rows together, by wording, and at last by equal questions only."""
    pairs = find_near_duplicates({example.id: example.question for example in examples})
    has_evidence = any(_documents(example) for example in examples)
    joined = [("evidence document and question", True, pairs)] if has_evidence else []
    for by, with_documents, alike in [*joined, ("question", False, pairs), ("equal question", False, [])]:
        sets = DisjointSets()
        for example in examples:
            node = ("row", example.id)
            sets.join(node, ("question", normalise(example.question)))
            for document in _documents(example) if with_documents else ():
                sets.join(node, ("document", document))
        for one, other, _ in alike:
            sets.join(("row", one), ("row", other))
        clusters = _group(sets, examples)
        if max(map(len, clusters)) <= _LARGEST_CLUSTER * len(examples):
            return clusters, by
    return clusters, "equal question"


def _group(sets: DisjointSets, examples: Sequence[Example]) -> list[list[Example]]:
    grouped: dict[Hashable, list[Example]] = defaultdict(list)
    for example in examples:
        grouped[sets.find(("row", example.id))].append(example)
    return list(grouped.values())


def _assign(clusters: Iterable[Sequence[Example]], held_out: float, salt: str) -> dict[str, str]:
    strata: dict[str, list[tuple[float, Sequence[Example]]]] = defaultdict(list)
    for members in clusters:
        stratum = Counter(_stratum(example) for example in members).most_common()
        common = max(count for _, count in stratum)
        name = min(label for label, count in stratum if count == common)
        strata[name].append((_position(members, salt), members))
    sides: dict[str, str] = {}
    for entries in strata.values():
        entries.sort(key=lambda entry: entry[0])
        chosen = sum(position < held_out for position, _ in entries)
        if len(entries) > 1:
            # Both sides of a stratum need a cluster: the one nearest to the threshold changes over.
            chosen = min(max(chosen, 1), len(entries) - 1)
        for place, (_, members) in enumerate(entries):
            sides.update({example.id: HELD_OUT if place < chosen else TRAIN for example in members})
    return sides


def _position(members: Sequence[Example], salt: str) -> float:
    key = min(normalise(example.question) for example in members)
    return int(digest(f"{salt}\x00{key}")[:13], 16) / 16**13


def _stratum(example: Example) -> str:
    return f"{example.intent or 'any'} / {'answerable' if example.is_answerable else 'unanswerable'}"


def _build(
    examples: Sequence[Example], sides: Mapping[str, str], by: str, clusters: int, notes: Sequence[str]
) -> Split:
    train = tuple(example.id for example in examples if sides[example.id] == TRAIN)
    held_out = tuple(example.id for example in examples if sides[example.id] == HELD_OUT)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for example in examples:
        counts[_stratum(example)][sides[example.id] == HELD_OUT] += 1
    return Split(
        train,
        held_out,
        by,
        clusters,
        digest_json({"train": sorted(train), "held_out": sorted(held_out)}),
        tuple(notes),
        find_leaks(examples, sides),
        {name: (pair[0], pair[1]) for name, pair in sorted(counts.items())},
    )


def _documents(example: Example) -> list[str]:
    return sorted({item.document or f"quote:{normalise(item.quote)}" for item in example.evidence})


def _ordered(one: str, other: str, sides: Mapping[str, str]) -> tuple[str, str]:
    return (one, other) if sides[one] == TRAIN else (other, one)
