"""What goes to Prometheus and to OpenTelemetry."""

from __future__ import annotations

import pytest

from knowhow.monitoring.drift import Drift
from knowhow.monitoring.exposition import Exposition
from knowhow.monitoring.health import Figures, Freshness, HealthReport
from knowhow.monitoring.records import LiveAnswer

pytest.importorskip("prometheus_client", reason="needs the extra [serve]")


def test_prometheus_reads_counts_and_buckets() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    exposition = Exposition(lambda: 7)
    exposition.count(
        LiveAnswer(0, "rag-1", seconds=0.3, prompt_tokens=10, completion_tokens=4, grounding=0.55)
    )
    exposition.count(LiveAnswer(0, "rag-1", is_error=True, seconds=3.0))
    exposition.count(LiveAnswer(0, "rag-1", is_abstention=True, seconds=0.01))
    exposition.count_refusal("overloaded")
    exposition.count_alert("guard")
    drift = Drift(50, 50, 0.1, 0.004, True)
    exposition.show(HealthReport(0.0, Figures(), from_examples=drift, freshness=Freshness(9, "", 1.5)))
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition.text().decode())
        for sample in family.samples
    }
    for outcome in ("answered", "failed", "abstained"):
        assert found["knowhow_answers_total", ("outcome", outcome), ("release", "rag-1")] == 1
    assert found[("knowhow_waiting",)] == 7
    assert found["knowhow_tokens_total", ("kind", "prompt")] == 10
    assert found["knowhow_answer_seconds_bucket", ("le", "0.5"), ("release", "rag-1")] == 2
    assert (
        found["knowhow_answer_score_bucket", ("figure", "grounding"), ("le", "0.6"), ("release", "rag-1")]
        == 1
    )
    assert found["knowhow_refused_total", ("reason", "overloaded")] == 1
    assert found["knowhow_alerts_total", ("kind", "guard")] == 1
    assert found["knowhow_drift_p_value", ("of", "questions_from_examples")] == 0.004
    assert (found[("knowhow_documents",)], found[("knowhow_ingest_age_days",)]) == (9, 1.5)


def test_spans_follow_the_conventions_and_hold_no_text() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="needs the extra [tracing]")
    pytest.importorskip("opentelemetry.exporter.otlp", reason="needs the extra [tracing]")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from knowhow.monitoring.tracing import TracedAnswer, Tracing

    exporter = InMemorySpanExporter()
    tracing = Tracing("http://localhost:9/never", exporter)
    timings = {"embed": 100.0, "search": 50.0, "decode": 500.0}
    tracing.record(TracedAnswer("id1", "rag-1", "v7", 1000.0, 1001.0, 1002.0, 30, 8, hits=5, timings_ms=timings, scores={"grounding": 0.8}))  # fmt: skip
    tracing.record(
        TracedAnswer("id2", "rag-1", "v7", 1000.0, 1001.0, 1002.0, finish="error", error="no_valid_answer")
    )
    tracing.close()
    spans = exporter.get_finished_spans()
    chats = [span for span in spans if span.name == "chat knowhow"]
    attributes = dict(chats[0].attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.response.model"] == "rag-1"
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (30, 8)
    event = chats[0].events[0]
    assert (event.name, dict(event.attributes or {})["gen_ai.evaluation.score.value"]) == (
        "gen_ai.evaluation.result",
        0.8,
    )
    retrieval = next(span for span in spans if span.name == "retrieval documents")
    assert retrieval.parent is not None
    assert chats[0].context is not None
    assert retrieval.parent.span_id == chats[0].context.span_id
    assert (retrieval.end_time or 0) - (retrieval.start_time or 0) == pytest.approx(150e6, rel=1e-3)
    assert dict(chats[1].attributes or {})["error.type"] == "no_valid_answer"
    assert not chats[1].status.is_ok
