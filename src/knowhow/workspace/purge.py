"""Purge: take documents out of everything, quarantine what learned from them, prove by a byte scan that nothing is left, and sign for it.

What is to be done is written down before anything is touched, so that a purge that was killed goes on where it was.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import knowhow
from knowhow.config import Settings
from knowhow.deletion.passages import (
    Passages,
    byte_patterns,
    choose_passages,
    choose_vectors,
    describe_document,
)
from knowhow.deletion.receipts import Receipt, last_receipt, sign_receipt
from knowhow.deletion.scanning import Scan, scan_folder
from knowhow.deletion.tombstones import (
    Kind,
    Tombstone,
    Tombstones,
    append_tombstones,
    make_tombstone,
    read_tombstones,
)
from knowhow.errors import KnowHowError, NotFoundError, PolicyError
from knowhow.progress import progress
from knowhow.releases.catalog import Catalog
from knowhow.storage import locked, read_json, sync_directory, write_json
from knowhow.types import Document, DocumentRecord
from knowhow.workspace import erasure as stores
from knowhow.workspace.components import open_index
from knowhow.workspace.erasure import Erasure
from knowhow.workspace.lineage import (
    Target,
    describe_fitted,
    find_target,
    fitted_folders,
    release_folders,
    run_documents,
    run_questions,
)
from knowhow.workspace.working import pending_purge, refuse_working

RECEIPTS = "purged"
_RETRAINED = ("finetuned", "finetuned_rag", "raft", "tuned_retriever")


@dataclass(frozen=True, slots=True)
class PurgeOrder:
    """What to purge and why; `with_sources` also deletes the files and example rows, `retrain` rebuilds what was learned from them."""

    names: tuple[str, ...]
    by: str
    reason: str
    with_sources: bool = False
    retrain: bool = False


@dataclass(frozen=True)
class _Plan:
    """What a purge set out to do, as it lies on disk until it is done; it holds passages, and is the last thing to go."""

    id: str
    order: PurgeOrder
    target: Target
    passages: tuple[str, ...]
    vectors: tuple[str, ...]
    shared: int
    fitted: tuple[str, ...]
    adapters: tuple[str, ...]
    strategies: tuple[str, ...]
    releases: tuple[str, ...]
    tombstones: tuple[str, ...]
    removed: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def purge(settings: Settings, order: PurgeOrder) -> Receipt:
    """Remove documents for good and return the receipt; NotFoundError for unknown names, PolicyError while other work is going on."""
    with _alone(settings):
        if pending_purge(settings.state).exists():
            raise PolicyError(
                "An earlier purge was interrupted. Finish it first with: knowhow purge --resume"
            )
        plan = _make_plan(settings, order)
        _write_plan(settings, plan)
        _refuse_late_comers(settings)
        receipt = _carry_out(settings, plan)
    return _retrain(settings, plan, receipt) if order.retrain else receipt


def resume_purge(settings: Settings) -> Receipt:
    """Finish the purge that was interrupted; NotFoundError when there is none."""
    path = pending_purge(settings.state)
    with _alone(settings):
        if not path.exists():
            raise NotFoundError("No purge was interrupted.")
        plan = _read_plan(path)
        receipt = _carry_out(settings, plan)
    return _retrain(settings, plan, receipt) if plan.order.retrain else receipt


def find_returned(settings: Settings) -> list[str]:
    """Return the names of purged documents that the state folder holds again, as after the restore of an old copy."""
    stones = read_tombstones(settings.root)
    known = {record.id: record.source for record in _records(settings)} if stones else {}
    folders = [*fitted_folders(settings), *(folder for _, folder in release_folders(settings))]
    named = {
        name for folder in folders if stones and (facts := describe_fitted(folder)) for name in facts.touched
    }
    for folder in (settings.state / "runs").glob("*") if stones else ():
        named |= run_documents(folder)
    known |= {name: name for name in named - known.keys()}
    return sorted(name for name, source in known.items() if stones.find_document(name, source))


def _make_plan(settings: Settings, order: PurgeOrder) -> _Plan:
    records = _records(settings)
    target = find_target(settings, order.names, records, is_strict=False)
    present = [record for record in records if record.id in target.ids]
    facts = {
        folder.name: (folder, described)
        for folder in fitted_folders(settings)
        if (described := describe_fitted(folder))
    }
    touched = {name: item for name, item in facts.items() if item[1].is_of(target)}
    releases = {
        name: folder
        for name, folder in release_folders(settings)
        if (described := describe_fitted(folder)) and described.is_of(target)
    }
    runs = any(run_questions(folder, target) for folder in (settings.state / "runs").glob("*"))
    missing = target.ids - {record.id for record in present}
    if missing and not (touched or releases or runs):
        raise NotFoundError.unknown("document", sorted(missing)[0], [record.id for record in records])
    documents, chosen, vectors = _read_documents(settings, records, target)
    stones = read_tombstones(settings.root)
    tombstones = _bury(settings, stones, target, documents)
    notes = (
        []
        if not missing
        else ["Of a document only names were known any more: the scan looked for those alone."]
    )
    if chosen.shared and not chosen.texts:
        notes.append("Every passage of it stands in other documents as well, which stay.")
    folders = [folder for folder, _ in touched.values()] + list(releases.values())
    return _Plan(
        secrets.token_hex(6),
        order,
        target,
        (*chosen.texts, *(() if documents else sorted(target.ids))),
        tuple(vector.hex() for vector in vectors),
        chosen.shared,
        tuple(sorted(touched)),
        tuple(converted_adapters(folders)),
        tuple(
            sorted(
                {described.strategy or "tuned_retriever" for _, described in touched.values()} & {*_RETRAINED}
            )
        ),
        tuple(sorted(releases)),
        tombstones,
        notes=tuple(notes),
    )


def _carry_out(settings: Settings, plan: _Plan) -> Receipt:
    erasure = _erasure(settings, plan)
    catalog = Catalog(settings.state / "releases")
    names = plan.releases
    if names:
        catalog.quarantine(names, by=plan.order.by, reason=f"purge {plan.id}: {plan.order.reason}")
    steps: list[Callable[[Erasure], None]] = [
        stores.erase_from_indexes,
        stores.erase_learned,
        stores.erase_kept_answers,
        stores.erase_from_runs,
        stores.erase_from_feedback,
        stores.redact_audit_log,
        stores.erase_ingest_notes,
    ]
    if plan.order.with_sources:
        steps.append(stores.erase_sources)
    with progress("Purge", len(steps) + 1, "stores") as bar:
        for step in steps:
            step(erasure)
            plan.removed.update(erasure.removed)
            _write_plan(settings, plan)
            bar.advance()
        stores.sweep(erasure, lambda path: path == pending_purge(settings.state))
        bar.advance()
    receipt = _finish(settings, plan, erasure, ())
    pending = pending_purge(settings.state)
    pending.unlink()
    sync_directory(pending.parent)
    return receipt


def _retrain(settings: Settings, plan: _Plan, receipt: Receipt) -> Receipt:
    """Train again what was destroyed, and sign a new receipt over another scan."""
    from knowhow.workspace.training import train

    done, notes = [], []
    for strategy in plan.strategies:
        try:
            train(settings, strategy)
            done.append(strategy)
        except KnowHowError as error:
            notes.append(f"{strategy} could not be trained again: {error}")
    erasure = _erasure(settings, plan)
    erasure.removed, erasure.notes = dict(receipt.removed), [*receipt.notes, *notes]
    return _finish(settings, plan, erasure, done, receipt)


def _finish(
    settings: Settings,
    plan: _Plan,
    erasure: Erasure,
    retrained: Sequence[str],
    earlier: Receipt | None = None,
) -> Receipt:
    folder = settings.state / RECEIPTS
    pending = pending_purge(settings.state)
    scan: Scan = scan_folder(settings.state, erasure.patterns, lambda path: path == pending)
    receipt = Receipt(
        id=plan.id,
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        by=plan.order.by,
        reason=plan.order.reason,
        tombstones=plan.tombstones,
        removed=dict(sorted(erasure.removed.items())),
        quarantined=plan.releases,
        retrained=tuple(retrained),
        kept=_count_kept(settings, plan),
        shared_passages=plan.shared,
        scan=scan,
        notes=tuple(dict.fromkeys([*plan.notes, *erasure.notes])),
        software=knowhow.__version__,
        previous=earlier.previous if earlier else last_receipt(folder, plan.id),
    )
    sign_receipt(receipt, folder)
    return receipt


def _count_kept(settings: Settings, plan: _Plan) -> dict[str, int]:
    """Return what lies outside the state folder and still holds it: files, and rows of the examples file."""
    folder = settings.root / settings.documents.path
    files = {name.partition("#")[0] for name in plan.target.ids} | plan.target.sources
    kept = {"source files": sum((folder / name).is_file() for name in files)}
    if not plan.order.with_sources:
        kept["examples"] = len(plan.target.examples)
    return {key: number for key, number in kept.items() if number}


def _erasure(settings: Settings, plan: _Plan) -> Erasure:
    patterns = byte_patterns(plan.passages, [bytes.fromhex(vector) for vector in plan.vectors])
    return Erasure(settings, plan.id, plan.target, patterns, plan.fitted, plan.adapters, dict(plan.removed))


def _read_documents(
    settings: Settings, records: Sequence[DocumentRecord], target: Target
) -> tuple[list[Document], Passages, list[bytes]]:
    """Return the target's documents with what marks their texts and vectors among all that stays."""
    path = settings.state / "index.sqlite"
    if not path.exists():
        return [], Passages(()), []
    with closing(open_index(settings, path, "", screens=False)) as index:
        wanted = [record.id for record in records if record.id in target.ids]
        others = [record.id for record in records if record.id not in target.ids]
        documents = [index.document(name) for name in wanted]
        texts = (text for name in others for text in describe_document(index.document(name)))
        passages = choose_passages(documents, texts)
        read: Callable[[Collection[str]], list[bytes]] = getattr(index, "vectors_of", lambda names: [])
        staying = (vector for name in others for vector in read([name]))
        return documents, passages, choose_vectors(read(wanted), staying)


def _bury(
    settings: Settings, stones: Tombstones, target: Target, documents: Sequence[Document]
) -> tuple[str, ...]:
    """Write a tombstone for every document that has none, and return those of all."""
    salt = stones.salt
    made: list[Tombstone] = []
    found: list[str] = []
    by_id = {document.id: document for document in documents}
    for name in sorted(target.ids):
        if known := stones.find_document(name):
            found.append(known.id)
            continue
        document = by_id.get(name)
        source = document.source if document else name
        marked: dict[Kind, Collection[str]] = {
            "id": [name],
            "source": [source] if source in target.sources else [],
            "alias": target.names if len(target.ids) == 1 else [name],
            "text": [document.text] if document else [],
            "example": target.examples if not made else [],
        }
        made.append(make_tombstone(salt, marked))
    append_tombstones(settings.root, made)
    return (*found, *(stone.id for stone in made))


def converted_adapters(folders: Collection[Path]) -> Iterator[str]:
    """Yield the paths of adapters that the engine converted for itself, outside the workspace."""
    from knowhow.generation.weights import converted_adapter

    for folder in folders:
        if (folder / "adapter").is_dir():
            yield str(converted_adapter(folder / "adapter"))


def _records(settings: Settings) -> list[DocumentRecord]:
    path = settings.state / "index.sqlite"
    if not path.exists():
        return []
    with closing(open_index(settings, path, "", screens=False)) as index:
        return index.records()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep other purges, ingests, trainings and comparisons of this workspace from running meanwhile."""
    state = settings.state
    with ExitStack() as stack:
        stack.enter_context(locked(state / "purge.lock", purpose="a purge"))
        for name in ("ingest.jsonl.lock", "ingest-rebuilt.jsonl.lock"):
            stack.enter_context(locked(state / name, purpose="an ingest"))
        refuse_working(state)
        yield


def _refuse_late_comers(settings: Settings) -> None:
    """Look again now that the plan can be seen: who began before saw no plan, and who begins later sees it."""
    try:
        refuse_working(settings.state)
    except PolicyError:
        pending_purge(settings.state).unlink()
        raise


def _write_plan(settings: Settings, plan: _Plan) -> None:
    value = asdict(plan)
    value["target"] = {key: sorted(names) for key, names in value["target"].items()}
    write_json(pending_purge(settings.state), value)


def _read_plan(path: Path) -> _Plan:
    value: dict[str, Any] = read_json(path)
    order = PurgeOrder(**{**value["order"], "names": tuple(value["order"]["names"])})
    target = Target(**{key: frozenset(names) for key, names in value["target"].items()})
    lists = {key: tuple(item) for key, item in value.items() if isinstance(item, list)}
    return _Plan(**{**value, **lists, "order": order, "target": target})
