"""The state of every document: what the index holds, what the folder holds, and what an ingest would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from knowhow.config import Settings
from knowhow.corpus.folder import SourceFile, digest_source, scan_folder
from knowhow.corpus.state import FileState, read_states
from knowhow.errors import KnowHowError
from knowhow.types import DocumentRecord, IngestProblem

Status = Literal["current", "changed", "waiting", "gone", "skipped"]


@dataclass(frozen=True, slots=True)
class DocumentStatus:
    """One document or one file without a document.

    current: the index holds the file as it is. changed: the file differs from what was read. waiting: never read. gone: the file
    is deleted, the next ingest deletes the document. skipped: it could not be read, `problem` says why.
    """

    source: str
    status: Status
    record: DocumentRecord | None = None
    problem: IngestProblem | None = None


def survey_documents(settings: Settings, records: list[DocumentRecord]) -> list[DocumentStatus]:
    """Return the state of every document and file, ordered by source; nothing is parsed."""
    folder = settings.root / settings.documents.path
    states = read_states(settings.state / "ingest.jsonl")
    try:
        scan = scan_folder(folder, settings.documents.rules, settings.documents.exclude)
    except KnowHowError as error:
        problem = IngestProblem(settings.documents.path, str(error), "", "folder")
        return [DocumentStatus(record.source, "current", record) for record in records] + [
            DocumentStatus(settings.documents.path, "skipped", problem=problem)
        ]
    files = {file.name: file for file in scan.files}
    known: dict[str, list[DocumentRecord]] = {}
    for record in records:
        known.setdefault(record.source, []).append(record)
    found = [DocumentStatus(problem.source, "skipped", problem=problem) for problem in scan.problems]
    for source in sorted({*files, *known}):
        status = _compare(files.get(source), states.get(source), bool(known.get(source)))
        found += [DocumentStatus(source, status, record) for record in known.get(source, [])]
        state = states.get(source)
        problems = state.problems if state and status in ("current", "skipped") else ()
        found += [DocumentStatus(source, "skipped", problem=problem) for problem in problems]
        if not known.get(source) and not problems:
            found.append(DocumentStatus(source, "waiting"))
    return sorted(found, key=lambda item: (item.source, item.record.id if item.record else ""))


def _compare(file: SourceFile | None, state: FileState | None, is_indexed: bool) -> Status:
    if file is None:
        return "gone"
    if state is None:
        return "changed" if is_indexed else "waiting"
    if (file.stamp and file.stamp == state.stamp) or digest_source(file) == state.digest:
        return "current" if is_indexed else "skipped"
    return "changed" if is_indexed else "waiting"
