"""Why an expected document was not used: not retrieved, filtered by permission, below the threshold, or retrieved but not cited."""

from __future__ import annotations

from knowhow.types import Answer, Query
from knowhow.workspace.components import WorkspaceComponents


def explain_miss(components: WorkspaceComponents, query: Query, answer: Answer, expected: str) -> str:
    """Return one of the labels above (or `used`) for the document `expected`, with what it was measured by."""
    records = {record.id: record for record in components.index.records()}
    found = records.get(expected) or next(
        (record for record in records.values() if record.source == expected), None
    )
    if found is None:
        return "not in the index: no document of that name was ingested"
    if found.groups and not found.groups & query.groups:
        return f"filtered by permission: readable by {', '.join(sorted(found.groups))} only"
    if any(citation.document_id == found.id for citation in answer.citations):
        return "used: the answer cites it"
    ranks = [rank for rank, hit in enumerate(answer.hits, start=1) if hit.chunk.document_id == found.id]
    if ranks:
        if answer.abstained and not answer.completion_tokens:
            return (
                f"below the threshold: retrieved at rank {ranks[0]}, but the evidence was too weak to answer"
            )
        return f"retrieved, not used: rank {ranks[0]} of {len(answer.hits)}, but the answer does not cite it"
    deeper = components.retriever().retrieve([query], 100)[0]
    rank = next((rank for rank, hit in enumerate(deeper, start=1) if hit.chunk.document_id == found.id), None)
    place = f"rank {rank}" if rank else "not among the first 100"
    return f"not retrieved: {place}, and the first {components.answering.k} are read"
