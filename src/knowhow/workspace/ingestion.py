"""Ingest for a workspace: in step with the folder, or built anew beside the old index and swapped in whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from knowhow.deletion.tombstones import read_tombstones
from knowhow.storage import digest_json, sync_directory
from knowhow.types import IngestResult
from knowhow.workspace.components import WorkspaceComponents, open_index
from knowhow.workspace.personal_data import masking_of

if TYPE_CHECKING:
    from knowhow.corpus.sync import Corpus

_SIDE_FILES = ("-wal", "-shm")


def sync_index(components: WorkspaceComponents, *, allow_empty: bool = False) -> IngestResult:
    """Read only what is new or changed since the last ingest."""
    return _corpus(components, "ingest.jsonl").sync(components.index, allow_empty=allow_empty)


def rebuild_index(components: WorkspaceComponents, *, allow_empty: bool = False) -> IngestResult:
    """Read and embed everything into a new index; readers keep the old one until the new one takes its name."""
    from knowhow.retrieval import install_index

    path, fresh = components.index_path, components.settings.state / "index-rebuilt.sqlite"
    corpus = _corpus(components, "ingest-rebuilt.jsonl")
    index = open_index(components.settings, fresh, components.embedder().identity)
    try:
        result = corpus.sync(index, allow_empty=allow_empty)
    finally:
        index.close()
    components.close()
    install_index(fresh, path)
    os.replace(corpus.state, corpus.state.with_name("ingest.jsonl"))
    sync_directory(path.parent)
    for suffix in ("", *_SIDE_FILES):
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)
    return result


def watch_index(components: WorkspaceComponents) -> Iterator[IngestResult]:
    """Ingest after every change in the documents folder."""
    return _corpus(components, "ingest.jsonl").watch(components.index)


def _corpus(components: WorkspaceComponents, state: str) -> Corpus:
    from knowhow.corpus.sync import Corpus

    settings = components.settings
    masking = masking_of(settings)
    return Corpus(
        folder=settings.root / settings.documents.path,
        state=settings.state / state,
        embedder=components.embedder,
        counter=components.token_counter,
        documents=settings.documents,
        chunking=settings.chunking,
        tombstones=partial(read_tombstones, settings.root),
        mask=masking,
        refuses_hidden=settings.sources.hidden == "refuse",
        identity=digest_json(
            [components.embedder().identity, "off" if masking is None else masking.identity]
        ),
    )
