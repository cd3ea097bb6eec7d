"""From examples to a tuned encoder that has proved itself: train on one part, keep it only if the rest is found more often."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from knowhow.errors import MissingDependencyError
from knowhow.evidence import EvidenceChunks
from knowhow.protocols import Components, Retriever
from knowhow.storage import digest, digest_file, read_json, write_json
from knowhow.training.adapters import library_versions
from knowhow.training.job import Job, default_threads, discard, run_job
from knowhow.training.pairs import build_pairs, write_pairs
from knowhow.training.rows import example_audiences, is_permitted, plain_groups
from knowhow.types import Chunk, Example, Query

ENCODER, PAIRS, OUTCOME = "encoder", "pairs.jsonl", "outcome.json"


def fit_encoder(
    examples: Sequence[Example],
    components: Components,
    out: Path,
    options: Mapping[str, Any],
    validation: float,
    seed: int,
) -> None:
    """Write pairs.jsonl, encoder/ and outcome.json to `out`; the decision is recall@1 on examples that tuning did not see."""
    for name in ("torch", "transformers", "safetensors"):
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError.extra("Tuning a retriever", "train")
    chunks = list(components.chunks())
    groups = components.training_groups
    permitted = [item for item in examples if is_permitted(example_audiences(item), groups)]
    training, kept = split_examples(permitted, validation)
    retriever = components.retriever()
    pairs = build_pairs(training, retriever, chunks, groups=groups)
    write_pairs(out / PAIRS, pairs)
    fingerprint = digest_file(out / PAIRS)
    if (out / OUTCOME).is_file() and read_json(out / OUTCOME).get("pairs_digest") == fingerprint:
        return
    work = out / f"{ENCODER}.work"
    job = Job(out / PAIRS, encoder_directory(), "minilm-l6", out / ENCODER, work, options, seed)
    run_job("knowhow.training.contrastive", job.write(), default_threads())
    known = EvidenceChunks(chunks)
    before = measure_recall(retriever, kept, known)
    after = measure_recall(components.retriever(out / ENCODER), kept, known)
    touched = {document for pair in pairs for document in pair.documents}
    judged = {item.document for example in kept for item in example.evidence if item.document}
    audiences = {names for pair in pairs for names in pair.audiences}.union(*map(example_audiences, kept))
    outcome = {
        "is_kept": after["recall@1"] > before["recall@1"],
        "before": before,
        "after": after,
        "examples": sorted({pair.example_id for pair in pairs}),
        "validation_examples": sorted(item.id for item in kept),
        "documents": sorted(touched),
        "validation_documents": sorted(judged),
        "groups": plain_groups(audiences),
        "pairs_digest": fingerprint,
        "options": dict(options),
        "seed": seed,
        "versions": library_versions(),
    }
    write_json(out / OUTCOME, outcome)
    discard(work)


def encoder_directory() -> Path:
    """Return the directory with the embedded encoder's safetensors, fetched at first use."""
    from knowhow.models import MINILM, fetch

    return fetch(MINILM)


def split_examples(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Split into (to train on, to decide on) by question, so that equal questions stay together."""
    ordered = sorted({digest(item.question) for item in examples if item.is_answerable and item.evidence})
    kept = set(ordered[: round(share * len(ordered))])
    return (
        [item for item in examples if digest(item.question) not in kept],
        [item for item in examples if digest(item.question) in kept],
    )


def measure_recall(
    retriever: Retriever, examples: Sequence[Example], known: EvidenceChunks, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Return the share of examples with a gold document among the first k hits, for each k; 0 where there are no examples."""
    wanted = [(item, known.documents_of(item)) for item in examples]
    wanted = [(item, documents) for item, documents in wanted if documents]
    found = retriever.retrieve([Query(item.question, item.groups) for item, _ in wanted], max(ks))
    return {
        f"recall@{k}": sum(
            any(_is_of(hit.chunk, documents) for hit in hits[:k])
            for (_, documents), hits in zip(wanted, found, strict=True)
        )
        / max(1, len(wanted))
        for k in ks
    }


def _is_of(chunk: Chunk, documents: frozenset[str]) -> bool:
    return chunk.document_id in documents
