"""OpenTelemetry traces of answers by the conventions for generative AI; nothing is sent unless an address is configured.

Spans are written after the answer from its timings, so that tracing costs an asker nothing. They hold figures and names, no texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from knowhow.errors import MissingDependencyError

_NANOSECONDS = 1_000_000_000
_RETRIEVAL = ("embed", "search", "retrieve")


@dataclass(frozen=True, slots=True)
class TracedAnswer:
    """One answer as a trace needs it; times in seconds since 1970, `timings_ms` by stage."""

    id: str
    release: str
    index_version: str
    began: float
    started: float
    ended: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = "stop"
    error: str = ""
    hits: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


class Tracing:
    """Turns answers into spans: the answer, below it the waiting, the retrieval and the generation."""

    def __init__(self, endpoint: str, exporter: Any = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise MissingDependencyError.extra("[monitoring] otlp", "tracing") from error
        self._provider = TracerProvider(
            resource=Resource({"service.name": "knowhow"}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("knowhow")

    def record(self, answer: TracedAnswer) -> None:
        """Write the spans of one answer."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "knowhow",
            "gen_ai.request.model": "knowhow",
            "gen_ai.response.model": answer.release,
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": [answer.finish],
            "gen_ai.usage.input_tokens": answer.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.completion_tokens,
        }
        if answer.error:
            attributes["error.type"] = answer.error
        root = self._tracer.start_span(
            "chat knowhow", kind=SpanKind.SERVER, attributes=attributes, start_time=_nanoseconds(answer.began)
        )
        if answer.error:
            root.set_status(Status(StatusCode.ERROR))
        context = set_span_in_context(root)
        self._child("wait", context, answer.began, answer.started, {})
        retrieval = sum(answer.timings_ms.get(stage, 0.0) for stage in _RETRIEVAL) / 1000
        found = min(answer.started + retrieval, answer.ended)
        if retrieval:
            self._child(
                "retrieval documents",
                context,
                answer.started,
                found,
                {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": answer.index_version, "knowhow.retrieval.hits": answer.hits},
            )  # fmt: skip
        self._child("generate", context, found, answer.ended, {"gen_ai.operation.name": "text_completion"})
        for name, value in answer.scores.items():
            root.add_event(
                "gen_ai.evaluation.result",
                {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": value},
                timestamp=_nanoseconds(answer.ended),
            )
        root.end(end_time=_nanoseconds(answer.ended))

    def close(self) -> None:
        """Send what waits, then stop."""
        self._provider.shutdown()

    def _child(self, name: str, context: Any, began: float, ended: float, attributes: dict[str, Any]) -> None:
        span = self._tracer.start_span(
            name, context=context, start_time=_nanoseconds(began), attributes=attributes
        )
        span.end(end_time=_nanoseconds(ended))


def _nanoseconds(moment: float) -> int:
    return int(moment * _NANOSECONDS)
