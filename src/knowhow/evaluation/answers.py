"""Answers on disk: an append-only store, so that no question is ever asked twice of the same strategy over the same index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from knowhow.storage import append_lines, digest_json, read_lines
from knowhow.types import Answer, Chunk, Citation, Example, Hit, Query


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer with the machine's seconds it took (its share of a batch)."""

    answer: Answer
    seconds: float


class AnswerStore:
    """Answers of one arm over one version of the index, by question; what `put` returned from is durable."""

    def __init__(self, folder: Path, arm_digest: str, index_version: str) -> None:
        identity = digest_json([arm_digest, index_version])
        self._path = folder / f"{identity[:32]}.jsonl"
        self._latency_path = folder / f"{identity[:32]}.latency.jsonl"
        self._answers: dict[str, KeptAnswer] = {}
        for row in read_lines(self._path):
            self._answers[row["question"]] = KeptAnswer(answer_from_json(row["answer"]), row["seconds"])
        self.latencies_ms: dict[str, float] = {
            row["question"]: row["latency_ms"] for row in read_lines(self._latency_path)
        }

    def get(self, question: str) -> KeptAnswer | None:
        """Return the kept answer to a question digest."""
        return self._answers.get(question)

    def put(self, answers: Mapping[str, KeptAnswer]) -> None:
        """Keep answers; failed ones are kept for this run only, so that the next one asks again."""
        self._answers.update(answers)
        append_lines(
            self._path,
            (
                {"question": question, "answer": answer_to_json(kept.answer), "seconds": kept.seconds}
                for question, kept in answers.items()
                if kept.answer.error is None
            ),
        )

    def put_latency(self, question: str, latency_ms: float) -> None:
        """Keep the latency of a single call."""
        self.latencies_ms[question] = latency_ms
        append_lines(self._latency_path, [{"question": question, "latency_ms": latency_ms}])


def to_query(example: Example) -> Query:
    """Return the query that an example stands for."""
    return Query(example.question, example.groups)


def question_digest(example: Example, *, with_evidence: bool) -> str:
    """Return the digest of all that an answer may depend on: the query, and for the oracle its gold evidence and answers."""
    value: list[Any] = [example.question, sorted(example.groups)]
    if with_evidence:
        value += [[item.document, item.quote] for item in example.evidence] + [list(example.references)]
    return digest_json(value)


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON values, without its prompt (the hits hold its passages) and without empty fields."""
    plain = {
        "text": answer.text,
        "citations": [_without_defaults(item, Citation) for item in answer.citations],
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "latency_ms": answer.latency_ms,
        "abstained": answer.abstained,
        "release": answer.release,
        "index_version": answer.index_version,
        "error": answer.error,
        "hits": [
            {
                "chunk": _without_defaults(hit.chunk, Chunk),
                "score": hit.score,
                "parts": dict(hit.parts),
            }
            for hit in answer.hits
        ],
        "timings_ms": dict(answer.timings_ms),
        "violations": list(answer.violations),
        "notes": list(answer.notes),
        "warnings": list(answer.warnings),
    }
    return {key: value for key, value in plain.items() if value not in ([], {}, "", None) or key == "text"}


def answer_from_json(value: Mapping[str, Any]) -> Answer:
    """Rebuild an answer from `answer_to_json`."""
    return Answer(
        text=value["text"],
        citations=tuple(
            Citation(**{**item, "heading": tuple(item.get("heading", ()))})
            for item in value.get("citations", ())
        ),
        prompt_tokens=value.get("prompt_tokens", 0),
        completion_tokens=value.get("completion_tokens", 0),
        latency_ms=value.get("latency_ms", 0.0),
        abstained=value.get("abstained", False),
        release=value.get("release", ""),
        index_version=value.get("index_version", ""),
        error=value.get("error"),
        hits=tuple(_hit_from_json(item) for item in value.get("hits", ())),
        timings_ms=value.get("timings_ms", {}),
        violations=tuple(value.get("violations", ())),
        notes=tuple(value.get("notes", ())),
        warnings=tuple(value.get("warnings", ())),
    )


def _hit_from_json(value: Mapping[str, Any]) -> Hit:
    chunk = value["chunk"]
    return Hit(
        Chunk(
            **{
                **chunk,
                "groups": frozenset(chunk.get("groups", ())),
                "heading": tuple(chunk.get("heading", ())),
            }
        ),
        value["score"],
        value.get("parts", {}),
    )


def _without_defaults(value: Any, kind: type) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for item in fields(kind):
        content = getattr(value, item.name)
        if content == item.default:
            continue
        if isinstance(content, frozenset):
            content = sorted(content)
        plain[item.name] = list(content) if isinstance(content, tuple) else content
    return plain


def example_to_json(example: Example) -> dict[str, Any]:
    """Return an example as JSON values, fields in order."""
    return {
        "id": example.id,
        "question": example.question,
        "references": list(example.references),
        "evidence": [{"document": item.document, "quote": item.quote} for item in example.evidence],
        "intent": example.intent,
        "answerable": example.is_answerable,
        "language": example.language,
        "groups": sorted(example.groups),
        "split": example.split,
    }


__all__: Sequence[str] = [
    "AnswerStore",
    "KeptAnswer",
    "answer_from_json",
    "answer_to_json",
    "example_to_json",
    "question_digest",
    "to_query",
]
