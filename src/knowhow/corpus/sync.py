"""Keep the index in step with the documents folder: only what is new, changed or gone costs anything.

The index is the record of truth. Each committed batch holds whole documents, so a reader sees a document in its old or its
new state, and a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from knowhow.config import ChunkingSettings, DocumentSettings
from knowhow.corpus.chunking import Chunker, TokenCounter
from knowhow.corpus.documents import Mask, build_documents
from knowhow.corpus.folder import Scan, SourceFile, digest_source, known_suffixes, scan_folder
from knowhow.corpus.pool import Limits, Parsed, ParserPool, Task
from knowhow.corpus.state import FileState, append_states, compact_states, digest_documents, read_states
from knowhow.corpus.writing import Batch
from knowhow.defence.hidden import FLAGS, explain_flags
from knowhow.deletion.tombstones import Tombstones
from knowhow.errors import DataError, KnowHowError
from knowhow.progress import Progress, progress
from knowhow.protocols import Embedder, Index
from knowhow.storage import digest_json, locked
from knowhow.types import Document, DocumentRecord, IngestProblem, IngestResult

SCREENING = 1
"""Raised whenever documents must be looked at again for hidden text and orders to a model."""
_TRANSIENT = frozenset({"timeout", "memory", "crashed", "unreadable"})


@dataclass(frozen=True)
class Corpus:
    """A documents folder and how it is read; models are made only when there is something to embed.

    `state` is the cache file of the last ingest. `identity` names whatever else decides the chunks (tokenizer, masking):
    when it changes, every document is read again. What `tombstones` cover is never taken in.
    """

    folder: Path
    state: Path
    embedder: Callable[[], Embedder]
    counter: Callable[[], TokenCounter]
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    chunking: ChunkingSettings = field(default_factory=ChunkingSettings)
    tombstones: Callable[[], Tombstones] = Tombstones
    mask: Mask | None = None
    identity: str = ""
    workers: int = 0
    refuses_hidden: bool = False

    def sync(self, index: Index, *, rebuild: bool = False, allow_empty: bool = False) -> IngestResult:
        """Bring `index` in step with the folder; DataError when the folder is empty unless `allow_empty`."""
        with locked(self.state.with_name(self.state.name + ".lock"), purpose="ingest"):
            return _Run(self, index, rebuild).run(allow_empty)

    def watch(self, index: Index) -> Iterator[IngestResult]:
        """Sync again whenever something in the folder changes; an error becomes a problem of that round and the watch goes on."""
        from watchfiles import watch

        for _ in watch(self.folder, watch_filter=lambda _, path: not Path(path).name.startswith(".")):
            try:
                yield self.sync(index)
            except KnowHowError as error:
                problem = IngestProblem(str(self.folder), str(error), "", "folder")
                yield IngestResult(version=index.version, problems=(problem,))


class _Run:
    """One ingest: what the index and the cache say, compared with what is in the folder."""

    def __init__(self, corpus: Corpus, index: Index, rebuild: bool) -> None:
        self.corpus, self.index, self.rebuild = corpus, index, rebuild
        chunking = corpus.chunking
        self.tombstones = corpus.tombstones()
        self.settings = digest_json([chunking.tokens, chunking.overlap, corpus.identity])
        # Screening decides what is read again, not what a document is: nothing is embedded again for it.
        self.screening = digest_json([self.settings, SCREENING, corpus.refuses_hidden])
        self.known: dict[str, dict[str, str]] = {}
        for record in index.records():
            self.known.setdefault(record.source, {})[record.id] = record.digest
        self.states = {} if rebuild else read_states(corpus.state)
        self.kept: dict[str, FileState] = {}
        self.problems: list[IngestProblem] = []
        self.added = self.changed = self.deleted = self.unchanged = 0
        self.batch = Batch(index, corpus.embedder)

    def run(self, allow_empty: bool) -> IngestResult:
        """Scan, delete what is gone, then parse, chunk, embed and commit what is new or changed."""
        started = time.monotonic()
        documents = self.corpus.documents
        scan = scan_folder(self.corpus.folder, documents.rules, documents.exclude, self.screening)
        if not scan.files and not allow_empty:
            self._refuse_empty(scan)
        self.problems += scan.problems
        files = [file for file in scan.files if not self._is_purged(file.name, file.name)]
        waiting = [file for file in files if not self._is_unchanged(file)]
        self._delete_vanished({file.name for file in files})
        if waiting:
            self._ingest(waiting)
        compact_states(self.corpus.state, self.kept)
        return IngestResult(
            added=self.added,
            changed=self.changed,
            deleted=self.deleted,
            unchanged=self.unchanged,
            chunks=self.batch.written,
            seconds=time.monotonic() - started,
            version=self.index.version,
            problems=tuple(sorted(self.problems, key=lambda problem: problem.source)),
            flagged=find_flagged(self.index.records()),
        )

    def _refuse_empty(self, scan: Scan) -> None:
        folder = self.corpus.folder
        if self.known:
            raise DataError(
                f"The documents folder {folder} holds no document that can be read, but the index holds "
                f"{sum(map(len, self.known.values()))}; nothing was deleted.",
                mend="Bring the documents back, or empty the index on purpose with: knowhow ingest --allow-empty",
            )
        if not scan.problems:
            raise DataError(
                f"The documents folder {folder} is empty.",
                mend=f"Put documents there ({', '.join(known_suffixes())}).",
            )

    def _is_purged(self, name: str, source: str, text: str = "") -> bool:
        """Say whether a document was purged, and if so name its file as a problem."""
        stone = self.tombstones.find_document(name, source, text)
        if stone is not None:
            reason = f"It was purged on {stone.time[:10]} and stays out."
            mend = f"Delete the file, or let it in again with: knowhow purge --lift {stone.id}"
            self.problems.append(IngestProblem(source, reason, mend, "purged"))
        return stone is not None

    def _is_unchanged(self, file: SourceFile) -> bool:
        state = self.states.get(file.name)
        known = self.known.get(file.name, {})
        if (
            state is None
            or state.settings != file.settings
            or state.documents != digest_documents(known.items())
            or any(problem.kind in _TRANSIENT for problem in state.problems)
        ):
            return False
        if not file.stamp or file.stamp != state.stamp:
            if digest_source(file) != state.digest:
                return False
            state = FileState(
                file.name, file.stamp, state.digest, state.settings, state.documents, state.problems
            )
        self.kept[file.name] = state
        self.problems += state.problems
        self.unchanged += len(known)
        return True

    def _delete_vanished(self, present: set[str]) -> None:
        gone = [item for source in self.known if source not in present for item in self.known[source]]
        if gone:
            self.batch.delete(gone)
            self.deleted += len(gone)

    def _ingest(self, files: Sequence[SourceFile]) -> None:
        documents = self.corpus.documents
        limits = Limits(documents.timeout_seconds, documents.memory_megabytes, documents.max_megabytes)
        size = min(self.corpus.workers or _default_workers(), len(files))
        chunking = self.corpus.chunking
        chunker: Chunker | None = None
        by_name = {file.name: file for file in files}
        tasks = [Task(file.path, file.name, file.loader) for file in files]
        with (
            progress("Ingest", len(files), "files") as bar,
            ParserPool(size, limits) as pool,
            closing(pool.parse(tasks)) as results,
        ):
            for task, parsed in results:
                fresh = self._compare(by_name[task.name], parsed)
                if fresh and chunker is None:
                    chunker = Chunker(self.corpus.counter(), chunking.tokens, chunking.overlap)
                for document in fresh:
                    assert chunker is not None
                    self.batch.add(document, chunker.split(document))
                    self._flush(bar, is_last=False)
                bar.advance(1, f"{self.batch.written} chunks")
            self._flush(bar, is_last=True)

    def _compare(self, file: SourceFile, parsed: Parsed) -> list[Document]:
        """Count what a parsed file changes, note deletions and the state to keep, and return the documents to write."""
        built, problems = build_documents(
            file, parsed, self.corpus.mask, self.settings, refuses_hidden=self.corpus.refuses_hidden
        )
        documents = [item for item in built if not self._is_purged(item.id, item.source, item.text)]
        self.problems += problems
        known = self.known.get(file.name, {})
        fresh = [
            document for document in documents if self.rebuild or known.get(document.id) != document.digest
        ]
        self.added += sum(document.id not in known for document in fresh)
        self.changed += sum(document.id in known for document in fresh)
        self.unchanged += len(documents) - len(fresh)
        gone = known.keys() - {document.id for document in documents}
        self.deleted += len(gone)
        pairs = ((document.id, document.digest) for document in documents)
        # A file with something purged in it is read again each time, so that lifting the purge is enough to let it in.
        digest = parsed.digest if len(documents) == len(built) else ""
        stamp = file.stamp if digest else ""
        state = FileState(file.name, stamp, digest, file.settings, digest_documents(pairs), tuple(problems))
        self.batch.note(gone, state, last=fresh[-1].id if fresh else "")
        return fresh

    def _flush(self, bar: Progress, *, is_last: bool) -> None:
        if not (self.batch.is_full or is_last):
            return
        finished = self.batch.commit()
        append_states(self.corpus.state, finished)
        self.kept |= {state.name: state for state in finished}
        bar.advance(0, f"{self.batch.written} chunks")


def find_flagged(records: Iterable[DocumentRecord]) -> tuple[IngestProblem, ...]:
    """Return the documents in the index that are suspicious, with the reason."""
    return tuple(
        IngestProblem(
            record.id, explain_flags(record.metadata[FLAGS]), "See docs/how-to/security.md.", "suspicious"
        )
        for record in records
        if record.metadata.get(FLAGS)
    )


def _default_workers() -> int:
    return min(8, os.cpu_count() or 1)
