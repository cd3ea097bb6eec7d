"""/v1: what programs that know only the OpenAI client can use."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from knowhow.serving.extension import count_usage, extend, find_finish
from knowhow.serving.failures import RequestError
from knowhow.serving.jobs import Job, TextPart
from knowhow.serving.keys import Principal
from knowhow.serving.routes import Route, principal_of, service_of
from knowhow.serving.schemas import (
    ChatReply,
    ChatRequest,
    CompletionReply,
    CompletionRequest,
    EmbeddingReply,
    EmbeddingRequest,
    ModelList,
)
from knowhow.serving.service import EMBEDDER, MODEL, Service, find_ignored, read_conversation
from knowhow.types import Answer, Query

Delta = Callable[[str | None, str | None], dict[str, Any]]
"""(new text, finish reason) -> the choices of one chunk."""


@dataclass
class Stream:
    """One answer on its way as server-sent events."""

    service: Service
    asker: Principal
    job: Job
    kind: str
    model: str
    delta: Delta
    ignored: Sequence[str]
    wants_usage: bool
    created: int = field(default_factory=lambda: int(time.time()))

    async def events(self) -> AsyncIterator[str]:
        """Yield `data:` lines: chunks, one with the finish and the field `knowhow`, usage where wanted, and [DONE]."""
        sent = ""
        async for event in self.service.follow(self.job):
            if isinstance(event, TextPart):
                sent += event.text
                yield self._chunk(self.delta(event.text, None))
                continue
            try:
                if event.error is not None:
                    raise event.error
                answer = self.service.deliver(self.job, self.asker, event)
            except RequestError as error:
                yield _line(error.body)
                return
            yield self._ending(answer, sent)

    def _ending(self, answer: Answer, sent: str) -> str:
        streamed = sent if sent else None
        lines = []
        if answer.text.startswith(sent) and answer.text != sent:
            lines.append(self._chunk(self.delta(answer.text[len(sent) :], None)))
            streamed = None
        extension = extend(
            answer, self.job.id, ignored=self.ignored, streamed=streamed, timings_ms=self.job.timings_ms
        )
        usage = count_usage(answer).model_dump()
        finish = self._chunk(self.delta(None, find_finish(answer)), knowhow=extension.model_dump())
        lines.append(finish)
        if self.wants_usage:
            lines.append(self._chunk([], usage=usage))
        # One piece, so that the end of an answer costs one write.
        return "".join([*lines, "data: [DONE]\n\n"])

    def _chunk(self, choices: Any, **extra: Any) -> str:
        head = {
            "id": f"{'chatcmpl' if self.kind.startswith('chat') else 'cmpl'}-{self.job.id}",
            "object": self.kind,
            "created": self.created,
            "model": self.model,
        }
        choice = [choices] if isinstance(choices, dict) else choices
        return _line({**head, "choices": choice, **({"usage": None} if self.wants_usage else {}), **extra})


class EventStream(StreamingResponse):
    """Server-sent events that cancel their job as soon as the client is gone."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream.events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._job = stream.job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end or until nobody listens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()


async def complete_chat(request: Request, body: ChatRequest) -> Any:
    """Answer the last user turn from the documents."""
    service, asker = service_of(request), principal_of(request)
    question, history, ignored = read_conversation(body.messages, service.settings.history_turns)
    ignored += find_ignored(body.model_extra)
    query = Query(question, asker.groups, history)
    job = service.ask(asker, query, body.model, wants_text=body.stream)
    if body.stream:
        wants_usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(
            Stream(
                service, asker, job, "chat.completion.chunk", body.model, _chat_delta(), ignored, wants_usage
            )
        )
    answer = service.deliver(job, asker, await service.wait(job, request))
    return {
        "id": f"chatcmpl-{job.id}",
        "created": int(time.time()),
        "model": body.model,
        "choices": [{"message": {"content": answer.text}, "finish_reason": find_finish(answer)}],
        "usage": count_usage(answer),
        "knowhow": extend(answer, job.id, ignored=ignored, timings_ms=job.timings_ms),
    }


async def complete(request: Request, body: CompletionRequest) -> Any:
    """Answer the prompt as a question."""
    service, asker = service_of(request), principal_of(request)
    prompt = body.prompt if isinstance(body.prompt, str) else body.prompt[0]
    ignored = find_ignored(body.model_extra)
    job = service.ask(asker, Query(prompt, asker.groups), body.model, wants_text=body.stream)
    if body.stream:
        wants_usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(
            Stream(service, asker, job, "text_completion", body.model, _text_delta, ignored, wants_usage)
        )
    answer = service.deliver(job, asker, await service.wait(job, request))
    return {
        "id": f"cmpl-{job.id}",
        "created": int(time.time()),
        "model": body.model,
        "choices": [{"text": answer.text, "finish_reason": find_finish(answer)}],
        "usage": count_usage(answer),
        "knowhow": extend(answer, job.id, ignored=ignored, timings_ms=job.timings_ms),
    }


async def embed(request: Request, body: EmbeddingRequest) -> Any:
    """Return the vectors that the index searches with."""
    service, asker = service_of(request), principal_of(request)
    if body.model not in (MODEL, EMBEDDER):
        raise RequestError(
            404, f"The model {body.model[:80]!r} does not exist. Ask for '{EMBEDDER}'.", code="model_not_found", param="model"
        )  # fmt: skip
    texts = [body.input] if isinstance(body.input, str) else body.input
    if sum(map(len, texts)) > 64 * service.settings.question_characters:
        raise RequestError(400, "The texts are too long together.", code="too_long", param="input")
    finished = await service.wait(service.embed(asker, texts), request)
    words = sum(len(text.split()) for text in texts)
    return {
        "data": [
            {"index": place, "embedding": _encode(row) if body.encoding_format == "base64" else row.tolist()}
            for place, row in enumerate(finished.vectors)
        ],
        "model": EMBEDDER,
        "usage": {"prompt_tokens": words, "total_tokens": words},
    }


async def list_models(request: Request) -> Any:
    """List what this asker can ask for: `knowhow` is always the champion."""
    service, asker = service_of(request), principal_of(request)
    names = [MODEL, EMBEDDER]
    if asker.may("reviewer"):
        names += [release.id for release in await service.read(service.workspace.releases.releases)]
    return {"data": [{"id": name, "created": 0} for name in names]}


def _chat_delta() -> Delta:
    is_first = True

    def make(text: str | None, finish: str | None) -> dict[str, Any]:
        nonlocal is_first
        delta: dict[str, Any] = {} if text is None else {"content": text}
        if is_first:
            delta = {"role": "assistant", **delta}
            is_first = False
        return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}

    return make


def _text_delta(text: str | None, finish: str | None) -> dict[str, Any]:
    return {"index": 0, "text": text or "", "finish_reason": finish, "logprobs": None}


def _line(value: Any) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _encode(row: Any) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")


_STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
ROUTES = (
    Route("POST", "/v1/chat/completions", "user", complete_chat, "Answer a conversation", ChatReply, "OpenAI", responses=_STREAMED),
    Route("POST", "/v1/completions", "user", complete, "Answer a prompt", CompletionReply, "OpenAI", responses=_STREAMED),
    Route("POST", "/v1/embeddings", "user", embed, "Embed texts", EmbeddingReply, "OpenAI"),
    Route("GET", "/v1/models", "user", list_models, "List models", ModelList, "OpenAI"),
)  # fmt: skip
