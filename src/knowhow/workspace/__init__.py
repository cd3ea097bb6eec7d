"""The composition root: the only place that builds parts; one method per verb, the same behind Python, command line and HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from knowhow.config import Settings, load_settings
from knowhow.errors import NotFoundError
from knowhow.protocols import Pipeline, Strategy, TextSink
from knowhow.types import Answer, DocumentRecord, IngestResult, Query
from knowhow.workspace.audit import COMPARED, INGESTED, PURGED, TRAINED, AuditLog
from knowhow.workspace.components import WorkspaceComponents, open_index

if TYPE_CHECKING:
    from knowhow.advisor.advice import Advice
    from knowhow.deletion.receipts import Receipt
    from knowhow.deletion.tombstones import Tombstone
    from knowhow.evaluation.lint import LintReport
    from knowhow.evaluation.results import Report
    from knowhow.monitoring.health import HealthReport
    from knowhow.releases.catalog import Catalog
    from knowhow.releases.events import Event
    from knowhow.releases.release import Release
    from knowhow.traffic.challenge import Challenge
    from knowhow.training.rows import TrainingRow
    from knowhow.workspace.advice import Reconsideration
    from knowhow.workspace.comparison import ComparisonOptions
    from knowhow.workspace.consequences import Suggestion
    from knowhow.workspace.facts import Observation
    from knowhow.workspace.lineage import Lineage
    from knowhow.workspace.personal_data_review import PersonalDataReview
    from knowhow.workspace.release import ReleasedPipeline, ReleaseOrder
    from knowhow.workspace.wipe import Wiped


class Workspace:
    """A folder with knowhow.toml: documents, examples and everything learned from them.

    Usage:
        with Workspace("my-bot") as workspace:
            workspace.ingest()
            answer = workspace.ask(["How long do I have to dispute a payment?"])[0]
    """

    def __init__(self, root: Path | str = ".", settings: Settings | None = None) -> None:
        self.root = Path(root)
        self.settings = settings if settings is not None else load_settings(self.root)

    @cached_property
    def components(self) -> WorkspaceComponents:
        """The parts built from the settings, shared by all verbs."""
        return WorkspaceComponents(self.settings)

    @cached_property
    def audit(self) -> AuditLog:
        """The log of who did what."""
        return AuditLog(self.settings)

    def ingest(self, *, rebuild: bool = False, allow_empty: bool = False) -> IngestResult:
        """Bring the index in step with the documents folder; `rebuild` makes it anew beside the old one and swaps them."""
        from knowhow.workspace.ingestion import rebuild_index, sync_index

        run = rebuild_index if rebuild else sync_index
        return self._note_ingest(run(self.components, allow_empty=allow_empty))

    def _note_ingest(self, result: IngestResult) -> IngestResult:
        if result.added or result.changed or result.deleted:
            self.audit.record(
                INGESTED,
                result.version,
                added=result.added,
                changed=result.changed,
                deleted=result.deleted,
                skipped=len(result.problems),
            )
        return result

    def watch(self) -> Iterator[IngestResult]:
        """Ingest again whenever a document changes, until interrupted."""
        from knowhow.workspace.ingestion import watch_index

        return (self._note_ingest(result) for result in watch_index(self.components))

    def records(self) -> list[DocumentRecord]:
        """The documents in the index, ordered by id; empty before the first ingest."""
        path = self.components.index_path
        if not path.exists():
            return []
        index = open_index(self.settings, path, "")
        try:
            return index.records()
        finally:
            index.close()

    def observe(self) -> Observation:
        """What the advisor can see without asking: examples, documents, history, the newest measurement."""
        from knowhow.workspace.facts import observe

        records = self.records()
        if not records:
            return observe(self.settings, records)
        index = open_index(self.settings, self.components.index_path, "")
        try:
            return observe(self.settings, records, index)
        finally:
            index.close()

    def advise(self, **answers: Any) -> Advice:
        """Recommend a direction before there is data; `answers` override [goal], which overrides what the workspace shows."""
        from knowhow.advisor.advice import advise
        from knowhow.workspace.facts import gather_answers, gather_assumptions

        seen = self.observe()
        case = gather_answers(seen, self.settings.goal, answers, "advise")
        costs = gather_assumptions(seen, self.settings.costs)
        return advise(case, costs, seen.facts, measurement=seen.measurement)

    def advise_again(self, **answers: Any) -> Reconsideration:
        """Decide again from the workspace's own history: what changed since the last decision, which triggers fired, what now."""
        from knowhow.workspace.advice import reconsider

        return reconsider(self.settings, self.observe(), answers)

    def ask(
        self,
        questions: Sequence[str],
        *,
        groups: frozenset[str] = frozenset(),
        strategy: str = "rag",
        on_text: TextSink | None = None,
    ) -> list[Answer]:
        """Answer questions by a strategy for an asker in `groups`; NotFoundError before the first ingest."""
        pipeline = self.pipeline(strategy)
        queries = [Query(text, groups) for text in questions]
        answers = pipeline.answer(queries, on_text)
        self.audit.record_answers(queries, answers, strategy=strategy)
        return answers

    def pipeline(self, strategy: str) -> Pipeline:
        """Load a strategy: untrained ones from the settings alone, trained ones from what `train` or `compare` left."""
        if not self.records():
            raise NotFoundError(
                f"The index of {self.root} is empty. Fill it with: knowhow ingest -C {self.root}"
            )
        from knowhow.workspace.fitted import find_fitted

        built = self.strategy(strategy)
        from knowhow.workspace.personal_data import mask_pipeline

        loaded = built.load(find_fitted(self.settings, strategy, built, self.components), self.components)
        return mask_pipeline(self.settings, loaded)

    def strategy(self, name: str) -> Strategy:
        """Build a strategy with its options from [strategy.<name>], or from [router] for the one that routes."""
        from knowhow.workspace.options import build_strategy

        return build_strategy(self.settings, name)

    def compare(self, options: ComparisonOptions | None = None) -> tuple[Report, Path]:
        """Measure the strategies on the held-out examples; return the report and the path of its page."""
        from knowhow.workspace.comparison import ComparisonOptions
        from knowhow.workspace.experiments import compare

        report, page = compare(self.settings, options or ComparisonOptions())
        self.audit.record(
            COMPARED, report.id, questions=report.questions, recommended=report.recommendation.strategy
        )
        return report, page

    def report(self, run: str = "", *, is_rescored: bool = False) -> tuple[Report, Path]:
        """Draw the conclusions of a finished comparison again from its kept answers, of the newest by default."""
        from knowhow.workspace.experiments import reopen_report

        return reopen_report(self.settings, run, is_rescored=is_rescored)

    def train(self, strategy: str) -> dict[str, Path]:
        """Fit a strategy on the training examples, resumable; return the folder of each seed's arm."""
        from knowhow.workspace.training import train

        folders = train(self.settings, strategy)
        self.audit.record(TRAINED, strategy, folders=[folder.name for folder in folders.values()])
        return folders

    def training_rows(self, strategy: str) -> list[TrainingRow]:
        """Return what a strategy would be trained on, without training."""
        from knowhow.workspace.training import training_rows

        return training_rows(self.settings, strategy)

    def check_examples(self, path: Path | None = None) -> LintReport:
        """Say what is wrong with the examples, before anything is spent on them."""
        from knowhow.workspace.experiments import check_examples

        return check_examples(self.settings, path)

    def review_personal_data(self, *, samples: int = 3) -> PersonalDataReview:
        """Count personal data in documents and examples as they lie on the disk, whatever [privacy] mode says."""
        from knowhow.workspace.personal_data_review import review_personal_data

        return review_personal_data(self.settings, samples=samples)

    def reveal(self, text: str) -> str:
        """Return a text with pseudonyms replaced by what they stand for; ConfigError or PolicyError without the right key."""
        from knowhow.privacy.vault import open_vault
        from knowhow.workspace.personal_data import VAULT

        return open_vault(self.settings.state / VAULT, self.settings.privacy, self.root).reveal(text)

    @property
    def releases(self) -> Catalog:
        """The releases: list, show, promote, roll back, export, import."""
        from knowhow.workspace.release import catalog

        return catalog(self.settings)

    def release(self, order: ReleaseOrder) -> Release:
        """Freeze an arm of a finished comparison; PolicyError where the comparison speaks against it and nobody overrides it."""
        from knowhow.workspace.release import create_release

        return create_release(self.settings, order)

    def promote(self, name: str, *, by: str, reason: str, alias: str = "champion") -> Event:
        """Let a release answer, or name it as challenger; DataError or PolicyError where it could not answer here and now."""
        from knowhow.workspace.release import promote_release

        return promote_release(self.components, name, by=by, reason=reason, alias=alias)

    def released(self, name: str = "champion") -> ReleasedPipeline:
        """Load a release by id or alias, checked against its digests."""
        from knowhow.workspace.release import load_release

        return load_release(self.components, self.releases.get(name))

    def health(self, days: float = 7.0) -> HealthReport:
        """How live answers have done for some days, whether or not a server runs."""
        from knowhow.workspace.monitoring import read_health

        return read_health(self.settings, days=days)

    def suggest(self) -> Suggestion | None:
        """What the feedback since the newest comparison asks for: comparing or training again; None without any feedback."""
        from knowhow.workspace.consequences import suggest

        return suggest(self.settings)

    def challenges(self) -> list[Challenge]:
        """Every challenge of a champion, oldest first, with its outcomes."""
        from knowhow.workspace.traffic import challenges

        return challenges(self.settings)

    def lineage(self, document: str) -> Lineage:
        """Return every dataset, adapter, tuned retriever, comparison, release and feedback that used a document (id or file)."""
        from knowhow.workspace.lineage import find_lineage

        return find_lineage(self.settings, document, self.records())

    def purge(
        self,
        documents: Sequence[str],
        *,
        by: str = "",
        reason: str = "",
        with_sources: bool = False,
        retrain: bool = False,
    ) -> Receipt:
        """Remove documents for good and return the receipt; `with_sources` deletes the files too, `retrain` rebuilds what had used them."""
        from knowhow.workspace.purge import PurgeOrder, purge
        from knowhow.workspace.release import current_person

        self.close()
        person, why = by or current_person(), reason or "no reason given"
        receipt = purge(self.settings, PurgeOrder(tuple(documents), person, why, with_sources, retrain))
        # Never by name: the audit log of a purge must not keep what was purged.
        self.audit.record(PURGED, receipt.id, by=person, tombstones=list(receipt.tombstones), reason=why)
        return receipt

    def resume_purge(self) -> Receipt:
        """Finish a purge that was interrupted; NotFoundError when there is none."""
        from knowhow.workspace.purge import resume_purge

        self.close()
        receipt = resume_purge(self.settings)
        self.audit.record(
            PURGED, receipt.id, by=receipt.by, tombstones=list(receipt.tombstones), reason=receipt.reason
        )
        return receipt

    def returned_documents(self) -> list[str]:
        """Return the purged documents that the state folder holds again, as after the restore of an old copy."""
        from knowhow.workspace.purge import find_returned

        return find_returned(self.settings)

    def lift_purge(self, name: str, reason: str) -> Tombstone:
        """Let a purged document (id, file or tombstone) be ingested again."""
        from knowhow.deletion.tombstones import lift_tombstone

        return lift_tombstone(self.root, name, reason)

    def purge_receipt(self, name: str) -> tuple[dict[str, Any], bool]:
        """Return the receipt of a purge by its id or a tombstone, and whether its signature is right."""
        from knowhow.deletion.receipts import find_receipt
        from knowhow.workspace.purge import RECEIPTS

        return find_receipt(self.settings.state / RECEIPTS, name)

    def wipe(self, *, with_sources: bool = False) -> Wiped:
        """Delete everything that KnowHow keeps of this workspace, documents and examples too where asked."""
        from knowhow.workspace.wipe import wipe

        self.close()
        return wipe(self.settings, with_sources=with_sources)

    def explain_miss(
        self, question: str, answer: Answer, expected: str, groups: frozenset[str] = frozenset()
    ) -> str:
        """Say why a document that should have been used for an answer was not, or that it was."""
        from knowhow.workspace.misses import explain_miss

        return explain_miss(self.components, Query(question, groups), answer, expected)

    def close(self) -> None:
        """Release models and files."""
        if "components" in self.__dict__:
            self.components.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
