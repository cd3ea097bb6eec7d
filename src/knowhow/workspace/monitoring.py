"""Watching live answers: figures, guard rails, outcomes of a challenge, alerts – and the health that anybody can read afterwards."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from knowhow.config import Settings, read_format
from knowhow.errors import KnowHowError
from knowhow.formats import is_demanding
from knowhow.monitoring.alerts import Alert, Outbox, read_alerts
from knowhow.monitoring.drift import sketch
from knowhow.monitoring.health import Freshness, HealthReport, describe_health
from knowhow.monitoring.records import LiveAnswer, LiveStore
from knowhow.protocols import Metric
from knowhow.storage import digest_json, read_json, write_json
from knowhow.traffic.assignment import CHALLENGER_ARM
from knowhow.traffic.trial import describe
from knowhow.types import Answer, DocumentRecord, Example
from knowhow.workspace.components import WorkspaceComponents, open_index
from knowhow.workspace.doctor import find_hosts
from knowhow.workspace.guarding import Guardian
from knowhow.workspace.personal_data import mask_examples
from knowhow.workspace.traffic import Assignment, Traffic, challenges

if TYPE_CHECKING:
    from knowhow.monitoring.exposition import Exposition
    from knowhow.monitoring.tracing import Tracing

DAY_SECONDS = 86_400.0
_HEALTH_EVERY_SECONDS, _IDLE_HEALTH_SECONDS = 60.0, 840.0
_MOST_EXAMPLES = 2000


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One answer that was just given; `began`, `started` and `ended` in seconds since 1970."""

    id: str
    question: str
    answer: Answer
    assignment: Assignment
    began: float
    started: float
    ended: float
    is_shadow: bool = False


class LiveMonitor:
    """Takes in answers one after another, from one thread; nothing here is on the way of an asker."""

    def __init__(
        self,
        settings: Settings,
        components: WorkspaceComponents,
        traffic: Traffic,
        *,
        exposition: Exposition | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._settings, self._components, self._traffic = settings, components, traffic
        self.exposition, self._tracing = exposition, tracing
        self._store = live_store(settings)
        self.outbox = Outbox(alerts_path(settings), settings.alerts)
        self._guardian = Guardian(settings, traffic)
        self._metrics: dict[str, Metric] = {}
        self._scored: deque[float] = deque()
        self._has_form = is_demanding(read_format(settings))
        # Questions of askers are never sent to an embedding service for a figure only.
        self._can_sketch = not find_hosts(settings.embedder.options)
        self._next_health = 0.0
        self._since_drift = 0
        self._has_news = True

    def resume(self) -> None:
        """Go on where an earlier process stopped."""
        days = min(self._settings.monitoring.keep_days, 2)
        self._guardian.resume(self._store.read(time.time() - days * DAY_SECONDS))
        self._write_examples()

    def take(self, events: Sequence[LiveEvent]) -> None:
        """Keep the figures of some answers, feed guard rails and challenge, and act on what they show."""
        sampled = [self._may_score(event) for event in events]
        rows = [self._measure(event, scores) for event, scores in zip(events, sampled, strict=True)]
        # What nobody saw is evidence for the challenge, but no live answer.
        seen = [row for event, row in zip(events, rows, strict=True) if not event.is_shadow]
        self._store.add(seen)
        self._has_news = True
        for event, row, is_sampled in zip(events, rows, sampled, strict=True):
            self._traffic.note_automatic(event.assignment, _outcomes(row, is_sampled))
            if not event.is_shadow and self.exposition is not None:
                self.exposition.count(row)
            if not event.is_shadow and self._tracing is not None:
                self._trace(event, row)
            # The champion's half of a pair was watched when it was given.
            if not event.is_shadow or row.arm == CHALLENGER_ARM:
                self.raise_alert(self._guardian.observe(row))

    def rows(self) -> list[LiveAnswer]:
        """Everything that is kept of live answers."""
        return list(self._store.read())

    def tick(self) -> None:
        """Do what time asks for: decide the challenge, look at health once a minute, send alerts that are due."""
        self.raise_alert(self._traffic.decide())
        late = 0.0 if self._has_news else _IDLE_HEALTH_SECONDS
        if time.monotonic() >= self._next_health + late:
            self._has_news = False
            self._next_health = time.monotonic() + _HEALTH_EVERY_SECONDS
            self._look()
        self.outbox.deliver()

    def raise_alert(self, alert: Alert | None) -> None:
        """Keep an alert, unless the same was raised within the last hour."""
        if alert is not None and self.outbox.put(alert) is not None and self.exposition is not None:
            self.exposition.count_alert(alert.kind)

    def _look(self) -> None:
        report = read_health(self._settings, days=1.0, looks_at_folder=False)
        if self.exposition is not None:
            self.exposition.show(report)
        if self._since_drift >= self._settings.monitoring.window:
            # Windows do not overlap, so that the stated error counts once for each.
            self._since_drift = 0
            self.raise_alert(drift_alert(report))
        stale, age = self._settings.monitoring.stale_days, report.freshness.age_days
        if stale is not None and age is not None and age > stale:
            self.raise_alert(
                Alert("stale_documents", "documents", f"Documents were last ingested {age:.1f} days ago.")
            )

    def _measure(self, event: LiveEvent, is_sampled: bool) -> LiveAnswer:
        answer = event.answer
        row = LiveAnswer(
            time=round(event.ended, 3),
            release=answer.release,
            arm=event.assignment.arm,
            is_error=answer.error is not None,
            is_abstention=answer.abstained,
            seconds=round(event.ended - event.began, 4),
            queue_seconds=round(event.started - event.began, 4),
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            score=round(max(hit.score for hit in answer.hits), 4) if answer.hits else None,
            format=self._format(answer),
        )
        if not is_sampled:
            return row
        example = Example(event.id, event.question)
        return replace(
            row,
            grounding=_rounded(self._metric("grounding")(example, answer)) if answer.error is None else None,
            relevance=_rounded(self._metric("answer_relevance")(example, answer))
            if answer.error is None
            else None,
            sketch=self._sketch(event.question),
        )

    def _format(self, answer: Answer) -> float | None:
        if answer.violations:
            return 0.0
        return 1.0 if self._has_form and answer.error is None and not answer.abstained else None

    def _may_score(self, event: LiveEvent) -> bool:
        """Say whether this answer is sampled: so many a minute, whichever side gave them."""
        while self._scored and self._scored[0] < event.ended - 60:
            self._scored.popleft()
        if len(self._scored) >= self._settings.monitoring.per_minute:
            return False
        self._scored.append(event.ended)
        return True

    def _metric(self, name: str) -> Metric:
        if name not in self._metrics:
            from knowhow.workspace.comparison import build_metrics

            self._metrics.update(build_metrics(self._settings, [name]))
        return self._metrics[name]

    def _sketch(self, question: str) -> tuple[float, ...]:
        if not self._can_sketch:
            return ()
        self._since_drift += 1
        return tuple(float(value) for value in sketch(self._components.embedder().embed([question]))[0])

    def _write_examples(self) -> None:
        """Keep the sketches of the examples' questions, so that drift from them can be seen without a model."""
        path = self._settings.root / self._settings.examples.path
        if not self._can_sketch or not path.is_file():
            return
        from knowhow.evaluation.examples import read_examples

        try:
            examples = read_examples(path).examples[-_MOST_EXAMPLES:]
            questions = [example.question for example in mask_examples(self._settings, examples)]
        except KnowHowError:
            return
        embedder = self._components.embedder()
        identity = digest_json([embedder.identity, questions])
        kept = _examples_path(self._settings)
        if questions and (not kept.exists() or read_json(kept).get("identity") != identity):
            points = [[float(value) for value in row] for row in sketch(embedder.embed(questions))]
            write_json(kept, {"identity": identity, "sketches": points})

    def _trace(self, event: LiveEvent, row: LiveAnswer) -> None:
        from knowhow.monitoring.tracing import TracedAnswer

        assert self._tracing is not None
        answer = event.answer
        scores = {"grounding": row.grounding, "relevance": row.relevance, "format": row.format}
        self._tracing.record(
            TracedAnswer(
                event.id,
                answer.release,
                answer.index_version,
                event.began,
                event.started,
                event.ended,
                answer.prompt_tokens,
                answer.completion_tokens,
                "error" if answer.error else "stop",
                "no_valid_answer" if answer.error else "",
                len(answer.hits),
                answer.timings_ms,
                {name: value for name, value in scores.items() if value is not None},
            )
        )


def read_health(settings: Settings, *, days: float = 7.0, looks_at_folder: bool = True) -> HealthReport:
    """Return the health of a workspace from what its server left on disk; works whether or not one runs."""
    since = time.time() - days * DAY_SECONDS
    kept = _examples_path(settings)
    examples = read_json(kept)["sketches"] if kept.exists() else []
    report = describe_health(
        live_store(settings).read(since),
        examples,
        settings.monitoring,
        _freshness(settings, looks_at_folder),
        since=since,
    )
    return replace(
        report,
        challenge=_describe_challenge(settings) if looks_at_folder else "",
        suggestion=_suggest(settings) if looks_at_folder else "",
        alerts=tuple(read_alerts(alerts_path(settings), since)),
    )


def drift_alert(report: HealthReport) -> Alert | None:
    """Return the alert about what has drifted, None where nothing has."""
    found = {"questions from the examples": report.from_examples, "questions from earlier ones": report.from_earlier, "retrieval scores": report.scores}  # fmt: skip
    drifting = [name for name, drift in found.items() if drift is not None and drift.is_drifting]
    if not drifting:
        return None
    return Alert("drift", ", ".join(drifting), f"Drift of {', '.join(drifting)}. {' '.join(report.warnings)}")


def live_store(settings: Settings) -> LiveStore:
    """The figures of live answers of a workspace."""
    return LiveStore(settings.state / "monitoring", settings.monitoring.keep_days)


def alerts_path(settings: Settings) -> Path:
    """Where alerts are kept."""
    return settings.state / "monitoring" / "alerts.jsonl"


def _examples_path(settings: Settings) -> Path:
    return settings.state / "monitoring" / "examples.json"


def _outcomes(row: LiveAnswer, is_sampled: bool) -> list[tuple[str, float | None]]:
    """Return the automatic outcomes: a failed answer and an abstention helped nobody, so they count 0 for grounding and relevance.

    What was not sampled has none of either, or the mean would be that of the failures.
    """
    form = ("format", 0.0 if row.is_error else row.format)
    if not is_sampled:
        return [form]
    is_empty = row.is_error or row.is_abstention
    return [
        form,
        ("grounding", 0.0 if is_empty else row.grounding),
        ("relevance", 0.0 if is_empty else row.relevance),
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(min(1.0, max(0.0, value)), 4)


def _freshness(settings: Settings, looks_at_folder: bool) -> Freshness:
    records = _records(settings)
    newest = max((record.ingested for record in records), default="")
    age = None
    if newest:
        moment = datetime.fromisoformat(newest)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        age = max((datetime.now(UTC) - moment).total_seconds() / DAY_SECONDS, 0.0)
    return Freshness(len(records), newest, age, _count_waiting(settings) if looks_at_folder else 0)


def _records(settings: Settings) -> list[DocumentRecord]:
    path = settings.state / "index.sqlite"
    if not path.exists():
        return []
    index = open_index(settings, path, "")
    try:
        return index.records()
    finally:
        index.close()


def _count_waiting(settings: Settings) -> int:
    """Count the files that an ingest would read: new, or changed since the last one saw them."""
    from knowhow.corpus.folder import SourceFile, digest_source, scan_folder
    from knowhow.corpus.state import read_states

    folder, states = settings.root / settings.documents.path, read_states(settings.state / "ingest.jsonl")
    if not folder.is_dir():
        return 0

    def is_known(file: SourceFile) -> bool:
        state = states.get(file.name)
        # A file that was written a moment ago has no stamp that could be trusted.
        return state is not None and (
            (bool(file.stamp) and file.stamp == state.stamp) or digest_source(file) == state.digest
        )

    scan = scan_folder(folder, settings.documents.rules, settings.documents.exclude, "")
    return sum(not is_known(file) for file in scan.files)


def _describe_challenge(settings: Settings) -> str:
    found = challenges(settings)
    if not found:
        return ""
    latest = found[-1]
    how = "unseen beside" if latest.plan.is_shadow else "against"
    head = f"{latest.pairing.challenger} {how} {latest.pairing.champion}, {latest.state}."
    return f"{head} {latest.ending.reason if latest.ending else describe(latest.judge(), latest.plan)}"


def _suggest(settings: Settings) -> str:
    from knowhow.workspace.consequences import suggest

    suggestion = suggest(settings)
    return suggestion.headline if suggestion is not None else ""
