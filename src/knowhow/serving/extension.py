"""From an Answer to what goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowhow.serving.schemas import CitationOut, Extension, Usage
from knowhow.types import Answer

_REFUSED = "Refused text:"


def extend(
    answer: Answer,
    answer_id: str,
    *,
    ignored: Sequence[str] = (),
    streamed: str | None = None,
    timings_ms: Mapping[str, float] | None = None,
) -> Extension:
    """Return the `knowhow` field of an answer; `streamed` is the text that was sent before the answer was checked."""
    return Extension(
        answer_id=answer_id,
        text=answer.text,
        is_replaced=streamed is not None and streamed != answer.text,
        abstained=answer.abstained,
        citations=[
            CitationOut(
                number=item.number,
                document_id=item.document_id,
                chunk_id=item.chunk_id,
                start=item.start,
                end=item.end,
                quote=item.quote,
                source=item.source,
                page=item.page,
                heading=list(item.heading),
                is_inferred=item.is_inferred,
            )
            for item in answer.citations
        ],
        # What the form's check refused must not come out by the back door.
        notes=[note for note in answer.notes if not note.startswith(_REFUSED)],
        warnings=list(answer.warnings),
        release=answer.release,
        index_version=answer.index_version,
        ignored=list(ignored),
        timings_ms={**answer.timings_ms, **(timings_ms or {})},
    )


def count_usage(answer: Answer) -> Usage:
    """Return the tokens of an answer."""
    return Usage(
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        total_tokens=answer.prompt_tokens + answer.completion_tokens,
    )


def find_finish(answer: Answer) -> str:
    """Return OpenAI's word for why the answer ended."""
    return "length" if any("greatest length" in note for note in answer.notes) else "stop"
