"""Live figures in Prometheus' text form, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from knowhow.errors import MissingDependencyError
from knowhow.monitoring.health import HealthReport
from knowhow.monitoring.records import LiveAnswer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Exposition:
    """Counts what happens; `text` is what a scraper reads."""

    def __init__(self, count_waiting: Callable[[], int]) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as error:
            raise MissingDependencyError.extra("/metrics", "serve") from error
        self.registry = CollectorRegistry()
        common: dict[str, Any] = {"registry": self.registry, "namespace": "knowhow"}
        self._answers = Counter("answers", "Answers by release and what came of them.", ["release", "outcome"], **common)  # fmt: skip
        self._refused = Counter("refused", "Questions that were refused, by reason.", ["reason"], **common)  # fmt: skip
        self._tokens = Counter("tokens", "Tokens read and written.", ["kind"], **common)
        self._seconds = Histogram("answer_seconds", "From the question's arrival to the whole answer.", ["release"], buckets=_SECONDS, **common)  # fmt: skip
        self._queue = Histogram("queue_seconds", "Waiting before the engine begins.", buckets=_SECONDS, **common)  # fmt: skip
        self._scores = Histogram("answer_score", "Sampled figures of answers: grounding, relevance, format, retrieval.", ["release", "figure"], buckets=_SHARES, **common)  # fmt: skip
        Gauge("waiting", "Questions that wait.", **common).set_function(count_waiting)
        self._drift = Gauge("drift_p_value", "How often chance alone gives as much drift.", ["of"], **common)
        self._documents = Gauge("documents", "Documents in the index.", **common)
        self._age = Gauge("ingest_age_days", "Days since the newest document came in.", **common)
        self._alerts = Counter("alerts", "Alerts raised.", ["kind"], **common)

    def count(self, row: LiveAnswer) -> None:
        """Take in one answer."""
        outcome = "failed" if row.is_error else "abstained" if row.is_abstention else "answered"
        self._answers.labels(row.release, outcome).inc()
        self._seconds.labels(row.release).observe(row.seconds)
        self._queue.observe(row.queue_seconds)
        self._tokens.labels("prompt").inc(row.prompt_tokens)
        self._tokens.labels("completion").inc(row.completion_tokens)
        for figure, value in (
            ("grounding", row.grounding),
            ("relevance", row.relevance),
            ("format", row.format),
            ("retrieval", row.score),
        ):
            if value is not None:
                self._scores.labels(row.release, figure).observe(value)

    def count_refusal(self, reason: str) -> None:
        """Take in a question that was refused: overloaded or rate_limit_exceeded."""
        self._refused.labels(reason).inc()

    def count_alert(self, kind: str) -> None:
        """Take in an alert."""
        self._alerts.labels(kind).inc()

    def show(self, report: HealthReport) -> None:
        """Set the gauges that a health report holds."""
        for name, drift in (
            ("questions_from_examples", report.from_examples),
            ("questions_from_earlier", report.from_earlier),
            ("retrieval_scores", report.scores),
        ):
            if drift is not None:
                self._drift.labels(name).set(drift.p_value)
        self._documents.set(report.freshness.documents)
        if report.freshness.age_days is not None:
            self._age.set(report.freshness.age_days)

    def text(self) -> bytes:
        """Return everything in the text form."""
        from prometheus_client import generate_latest

        found: bytes = generate_latest(self.registry)
        return found
