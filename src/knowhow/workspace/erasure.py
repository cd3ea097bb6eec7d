"""Taking documents out of the stores of a workspace: one function per store, each of which may be repeated after a crash."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from knowhow.config import Settings
from knowhow.corpus.permissions import SIDECAR_SUFFIX
from knowhow.corpus.state import compact_states, read_states
from knowhow.deletion.patterns import PatternSet
from knowhow.errors import DataError, KnowHowError
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.runs import RunRecord, load_run, save_run
from knowhow.journal import redact_journal
from knowhow.protocols import Index
from knowhow.storage import locked, read_lines, write_bytes
from knowhow.workspace.audit import PURGED, AuditLog
from knowhow.workspace.components import open_index
from knowhow.workspace.experiments import reopen_report
from knowhow.workspace.lineage import (
    Target,
    fitted_folders,
    is_of_feedback,
    release_folders,
    run_arms,
    run_questions,
)
from knowhow.workspace.screening import delete_documents

_ERASE_SECONDS = 15.0
_JSON_LINES = (".jsonl", ".ndjson")
_LEARNED = "It had learned from a document that was purged since."


@dataclass
class Erasure:
    """What is to go by the purge of that id, and how much of it went from where; `fitted` are the affected folders by name, `adapters` converted copies."""

    settings: Settings
    purge: str
    target: Target
    patterns: PatternSet
    fitted: Collection[str] = ()
    adapters: Collection[str] = ()
    removed: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.settings.state

    def count(self, what: str, number: int) -> None:
        """Add to what went."""
        if number:
            self.removed[what] = self.removed.get(what, 0) + number


def erase_from_indexes(erasure: Erasure) -> None:
    """Delete documents, chunks, vectors and terms from the index and from those of tuned encoders, leaving no byte behind."""
    path = erasure.state / "index.sqlite"
    for place in [path, *sorted((erasure.state / "encoders").glob("*.sqlite"))]:
        if not place.exists():
            continue
        with closing(open_index(erasure.settings, place, "", screens=False)) as index:
            found = [record for record in index.records() if record.id in erasure.target.ids]
            delete_documents(index, [record.id for record in found])
            if not _erase_remains(index):
                erasure.notes.append(
                    f"A long read still holds the log of {place.name}; run the purge again after it."
                )
        kind = "documents" if place == path else "documents of tuned indexes"
        erasure.count(kind, len(found))
        if place == path:
            erasure.count("chunks", sum(record.chunks for record in found))
    for leftover in erasure.state.glob("index-rebuilt.sqlite*"):
        leftover.unlink(missing_ok=True)
    (erasure.state / "ingest-rebuilt.jsonl").unlink(missing_ok=True)


def _erase_remains(index: Index) -> bool:
    erase: Callable[[], bool] | None = getattr(index, "erase_remains", None)
    deadline = time.monotonic() + _ERASE_SECONDS
    while erase is not None and not erase():
        if time.monotonic() > deadline:
            return False
    return True


def erase_learned(erasure: Erasure) -> None:
    """Destroy what was learned from the target in the cache, with converted copies of its adapters and the notes that lead there."""
    for folder in fitted_folders(erasure.settings):
        if folder.name in erasure.fitted or folder.parent.name == "untrained" or _holds(erasure, folder):
            for beside in folder.parent.glob(f"{folder.name}.*"):
                beside.unlink()
            shutil.rmtree(folder)
            erasure.count("learned", folder.name in erasure.fitted)
    for name in erasure.adapters:
        Path(name).unlink(missing_ok=True)
    for pointer in (erasure.state / "fitted").glob("*.json"):
        if any(name in pointer.read_text(encoding="utf-8") for name in erasure.fitted):
            pointer.unlink()
    for name, folder in release_folders(erasure.settings):
        if folder.exists() and _holds(erasure, folder):
            erasure.notes.append(f"The release {name} holds words of it though it names no origin.")


def erase_kept_answers(erasure: Erasure) -> None:
    """Empty the cache of answers: after a change of the index hardly one of them would be used again."""
    folder = erasure.state / "cache" / "answers"
    erasure.count("kept answers", sum(1 for path in folder.glob("*.jsonl") for _ in read_lines(path)))
    shutil.rmtree(folder, ignore_errors=True)


def erase_from_runs(erasure: Erasure) -> None:
    """Take every question that touched the target out of finished comparisons and draw their reports again from the others."""
    for folder in sorted((erasure.state / "runs").glob("*")):
        if not folder.is_dir():
            continue
        if not (folder / "run.json").is_file():
            if _holds(erasure, folder):
                shutil.rmtree(folder)
            continue
        arms = run_arms(folder, erasure.fitted)
        touched = run_questions(folder, erasure.target) | _questions_holding(erasure, folder, arms)
        if touched or arms:
            _shorten_run(erasure, folder, touched, arms)


def _questions_holding(erasure: Erasure, folder: Path, arms: Collection[str]) -> set[str]:
    found = set()
    for name, key in (("examples.jsonl", "id"), ("answers.jsonl", "example")):
        path = folder / name
        for line in path.read_bytes().splitlines() if path.exists() else ():
            if erasure.patterns.find(line):
                row = json.loads(line)
                if row.get("arm") not in arms:
                    found.add(str(row[key]))
    return found


def _shorten_run(erasure: Erasure, folder: Path, touched: set[str], arms: set[str]) -> None:
    record = load_run(folder)
    shorter = drop_questions(drop_arms(record, arms), touched)
    if not shorter.examples or all(arm.skipped for arm in shorter.arms):
        shutil.rmtree(folder)
        erasure.count("comparisons", 1)
        return
    for name in ("report.html", "report.md", "report.json", "scores.jsonl"):
        (folder / name).unlink(missing_ok=True)
    save_run(shorter, folder)
    erasure.count("questions of comparisons", len(record.examples) - len(shorter.examples))
    erasure.count("strategies of comparisons", sum(not arm.skipped for arm in record.arms if arm.key in arms))
    try:
        reopen_report(erasure.settings, folder.name, is_rescored=True)
    except KnowHowError as error:
        erasure.notes.append(f"The report of {folder.name} could not be drawn again: {error}")


def drop_arms(record: RunRecord, arms: Collection[str]) -> RunRecord:
    """Return a run without the answers of some arms, which count as not measured."""
    return replace(
        record,
        arms=tuple(
            replace(arm, skipped=_LEARNED, fitted="", lost_to="") if arm.key in arms else arm
            for arm in record.arms
        ),
        answers={arm: found for arm, found in record.answers.items() if arm not in arms},
        latencies_ms={arm: found for arm, found in record.latencies_ms.items() if arm not in arms},
    )


def drop_questions(record: RunRecord, touched: Collection[str]) -> RunRecord:
    """Return a run without some of its questions, as if they had never been asked; `volatile` counts them."""
    examples = tuple(example for example in record.examples if example.id not in touched)
    kept = {example.id for example in examples}
    answers = {
        arm: {name: answer for name, answer in found.items() if name in kept}
        for arm, found in record.answers.items()
    }
    gone = len(record.examples) - len(examples)
    uncovered = record.uncovered
    return replace(
        record,
        examples=examples,
        answers=answers,
        arms=tuple(replace(arm, answered=len(answers.get(arm.key, ()))) for arm in record.arms),
        planned=len(examples),
        total=max(len(examples), record.total - gone),
        uncovered=None if uncovered is None else tuple(name for name in uncovered if name in kept),
        volatile={**record.volatile, "purged": int(record.volatile.get("purged", 0)) + gone},
    )


def erase_from_feedback(erasure: Erasure) -> None:
    """Drop feedback and reviews that showed, named or quote the target, with everything that refers to them."""
    path = erasure.state / "feedback" / "log.jsonl"
    if not path.exists():
        return
    with locked(path.with_name(".lock"), purpose="a purge of feedback", wait_seconds=10.0):
        rows = list(read_lines(path))
        gone = {
            _feedback_id(row)
            for row in rows
            if is_of_feedback(row["value"], erasure.target) or erasure.patterns.find(_encode(row))
        }
        kept = [row for row in rows if _feedback_id(row) not in gone]
        if len(kept) < len(rows):
            _replace_lines(path, kept)
            erasure.count("lines of feedback", len(rows) - len(kept))


def _feedback_id(row: dict[str, Any]) -> str:
    return str(row["value"]["id"] if row["kind"] == "feedback" else row["value"]["feedback"])


def redact_audit_log(erasure: Erasure) -> None:
    """Take the target's names and words out of the audit log; that somebody did something at that time stays, and the chain holds."""
    log = AuditLog(erasure.settings)
    names = erasure.target.names

    def speaks_of(row: Mapping[str, Any]) -> bool:
        details = row.get("details", {})
        named = {str(row.get("subject", ""))}.union(
            *(map(str, item) for item in details.values() if isinstance(item, list))
        )
        named |= {item for item in details.values() if isinstance(item, str)}
        return not named.isdisjoint(names) or bool(erasure.patterns.find(_encode(row)))

    if log.path.exists():
        content = log.content(PURGED, details={"purge": erasure.purge})
        erasure.count(
            "lines of the audit log",
            redact_journal(log.path, speaks_of, content, purpose="a purge of the audit log"),
        )


def erase_ingest_notes(erasure: Erasure) -> None:
    """Forget what ingest noted of files that are wholly purged."""
    path = erasure.state / "ingest.jsonl"
    states = read_states(path)
    kept = {name: state for name, state in states.items() if name not in erasure.target.sources}
    if len(kept) < len(states):
        compact_states(path, kept)


def erase_sources(erasure: Erasure) -> None:
    """Delete the files themselves and the rows of examples that rest on them: what lies outside the state folder."""
    folder = (erasure.settings.root / erasure.settings.documents.path).resolve()
    for source in erasure.target.sources:
        path = folder / source
        if path.resolve().is_relative_to(folder) and path.is_file():
            path.unlink()
            path.with_name(path.name + SIDECAR_SUFFIX).unlink(missing_ok=True)
            erasure.count("source files", 1)
    path = erasure.settings.root / erasure.settings.examples.path
    if not erasure.target.examples or not path.is_file():
        return
    if path.suffix.lower() not in _JSON_LINES:
        erasure.notes.append(f"Rows of {path.name} rest on it; only JSON lines can be shortened here.")
        return
    with locked(erasure.state / "examples.lock", purpose="a purge of examples", wait_seconds=10.0):
        try:
            numbers = read_examples(path).lines
        except DataError as error:
            erasure.notes.append(f"The examples could not be read: {error}")
            return
        gone = {numbers[name] for name in erasure.target.examples if name in numbers}
        lines = path.read_bytes().split(b"\n")
        kept = [line for number, line in enumerate(lines, start=1) if number not in gone]
        if gone:
            write_bytes(path, b"\n".join(kept))
            erasure.count("examples", len(gone))


def sweep(erasure: Erasure, is_skipped: Callable[[Path], bool]) -> None:
    """Remove what no store knows: half-written files, and lines of plain JSON lines that hold a pattern; chained logs stay whole."""
    for path in sorted(erasure.state.rglob("*")):
        if not path.is_file() or is_skipped(path):
            continue
        if not erasure.patterns.find_in_file(path):
            continue
        if path.suffix == ".part" or "cache" in path.relative_to(erasure.state).parts:
            path.unlink()
            erasure.count("leftover files", 1)
        elif path.suffix in _JSON_LINES:
            _sweep_lines(erasure, path)


def _sweep_lines(erasure: Erasure, path: Path) -> None:
    rows = list(read_lines(path))
    if any(isinstance(row, dict) and "chain" in row for row in rows):
        return
    kept = [row for row in rows if not erasure.patterns.find(_encode(row))]
    if len(kept) < len(rows):
        _replace_lines(path, kept)
        erasure.count(f"lines of {path.relative_to(erasure.state)}", len(rows) - len(kept))


def _holds(erasure: Erasure, folder: Path) -> bool:
    return any(erasure.patterns.find_in_file(path) for path in folder.rglob("*") if path.is_file())


def _encode(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode(errors="surrogatepass")


def _replace_lines(path: Path, rows: Iterable[Any]) -> None:
    lines = (
        json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
    )
    write_bytes(path, "".join(lines).encode())
