"""The names by which examples call their evidence, made the documents' own ids before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from knowhow.types import Example


def name_documents(documents: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return every name that a document goes by (its id, its path, the record behind '#', its file name) with its id.

    `documents` are pairs of id and source. A name that two documents share leads to none of them, ids excepted.
    """
    found: dict[str, set[str]] = {}
    pairs = list(documents)
    for identifier, source in pairs:
        for name in {source, identifier.rpartition("#")[2], source.rpartition("/")[2]} - {""}:
            found.setdefault(name, set()).add(identifier)
    names = {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}
    return {**names, **{identifier: identifier for identifier, _ in pairs}}


def resolve_evidence(examples: Sequence[Example], names: Mapping[str, str]) -> list[Example]:
    """Return the examples with evidence named by document id where `names` knows it; unknown names stay as they are."""
    return [
        replace(
            example,
            evidence=tuple(
                replace(item, document=names.get(item.document, item.document)) for item in example.evidence
            ),
        )
        for example in examples
    ]
