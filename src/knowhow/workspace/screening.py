"""Keeping out what was purged: an index, a release or examples that came back from an old copy are screened before they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from knowhow.deletion.tombstones import Tombstones, read_tombstones
from knowhow.evidence import name_documents, resolve_evidence
from knowhow.protocols import Index
from knowhow.types import DocumentRecord, Example
from knowhow.workspace.lineage import describe_fitted


def delete_documents(index: Index, ids: Collection[str]) -> None:
    """Delete documents from an index in one transaction."""
    import numpy as np

    if ids:
        index.update([], [], np.zeros((0, 0), dtype=np.float32), ids)


def remove_returned(root: Path, index: Index) -> int:
    """Delete documents from an index that were purged before; return how many had come back."""
    stones = read_tombstones(root)
    if not stones:
        return 0
    back = [record.id for record in index.records() if stones.find_document(record.id, record.source)]
    delete_documents(index, back)
    return len(back)


def screen_fitted(root: Path) -> Callable[[Path], str]:
    """Return what says why a folder may not be used: it was learned from a document that was purged here."""

    def screen(folder: Path) -> str:
        stones = read_tombstones(root)
        facts = describe_fitted(folder) if stones else None
        name = (
            next((name for name in sorted(facts.touched) if stones.find_document(name, name)), None)
            if facts
            else None
        )
        return "it learned from a document that was purged here." if name is not None else ""

    return screen


def prepare_examples(
    root: Path, examples: Iterable[Example], records: Iterable[DocumentRecord]
) -> tuple[Example, ...]:
    """Return the examples that rest on no purged document, their evidence named by document id, with who may read it."""
    known = list(records)
    groups = {record.id: record.groups for record in known if record.groups}
    names = name_documents((record.id, record.source) for record in known)
    return tuple(
        replace(
            example,
            audiences=frozenset(
                groups[item.document] for item in example.evidence if item.document in groups
            ),
        )
        for example in resolve_evidence(without_purged(root, examples), names)
    )


def without_purged(root: Path, examples: Iterable[Example]) -> list[Example]:
    """Return the examples that rest on no purged document."""
    stones = read_tombstones(root)
    return [example for example in examples if not (stones and _is_purged(stones, example))]


def _is_purged(stones: Tombstones, example: Example) -> bool:
    if stones.find("example", example.id):
        return True
    names = [item.document for item in example.evidence if item.document]
    return any(stones.find_document(name, name) or stones.find("alias", name) for name in names)
