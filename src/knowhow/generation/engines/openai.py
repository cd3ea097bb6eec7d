"""Any endpoint that speaks OpenAI's chat completions: vLLM, llama.cpp's server, Ollama, or a provider."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from knowhow import storage
from knowhow.errors import BackendError, ConfigError, MissingDependencyError
from knowhow.generation.control import neutralise
from knowhow.language import is_cjk
from knowhow.protocols import TextSink
from knowhow.registry import register
from knowhow.types import Completion, Conversation, Decoding, Format

_ENGINE = "openai"


@register("generator", _ENGINE)
@dataclass
class OpenAI:
    """Generates over HTTP: `model` as the endpoint names it, `base_url` of the endpoint, `api_key_env` the variable with the key.

    Sends `parallel` requests at once and tries each up to `retries` times again. Control strings in messages are broken up before
    they leave, since the endpoint tokenises out of sight. `adapter` names a LoRA that the endpoint serves, in the place of the model.
    """

    model: str
    base_url: str
    api_key_env: str = ""
    adapter: str = ""
    window_tokens: int = 8192
    parallel: int = 4
    retries: int = 3
    timeout_seconds: float = 120.0
    enforce: bool = True
    _client: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that the address is one."""
        if not self.base_url.startswith(("http://", "https://")):
            raise ConfigError(
                f"[generator] base_url must begin with http:// or https://, not {self.base_url!r}."
            )

    @property
    def identity(self) -> str:
        """Digest of endpoint and model name; the endpoint may change the weights behind the name."""
        return storage.digest_json([_ENGINE, self.base_url, self.model, self.adapter, self.window_tokens])

    @property
    def context_tokens(self) -> int:
        """The window as configured: endpoints do not say."""
        return self.window_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return upper estimates: three bytes a token, and one CJK character two tokens."""
        return [_estimate(text) for text in texts]

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
    ) -> list[Completion]:
        """Continue each conversation; one that fails carries its `error`, BackendError when all of them fail."""
        client = self._connect()
        request = self._describe(decoding)

        failures: list[BackendError] = []

        def run(position: int) -> Completion:
            sink = (lambda text: on_text(position, text)) if on_text is not None else None
            try:
                return _complete(client, {**request, "messages": _messages(conversations[position])}, sink)
            except BackendError as error:
                failures.append(error)
                return Completion("", finish="error", error=str(error))

        with ThreadPoolExecutor(max(1, self.parallel)) as pool:
            completions = list(pool.map(run, range(len(conversations))))
        if failures and len(failures) == len(conversations):
            raise failures[0]
        return completions

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> Any:
        if self._client is None:
            try:
                from openai import OpenAI as Client
            except ImportError as error:
                raise MissingDependencyError.extra("A remote generator", "remote") from error
            key = os.environ.get(self.api_key_env, "") if self.api_key_env else "none"
            if not key:
                raise ConfigError(
                    f"[generator] api_key_env names {self.api_key_env}, which is not set. Set it in the environment."
                )
            self._client = Client(
                api_key=key, base_url=self.base_url, max_retries=self.retries, timeout=self.timeout_seconds
            )
        return self._client

    def _describe(self, decoding: Decoding) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.adapter or self.model,
            "max_tokens": decoding.max_tokens,
            "temperature": decoding.temperature,
            "seed": decoding.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if decoding.stop:
            request["stop"] = list(decoding.stop)
        if self.enforce and decoding.format is not None and decoding.format.schema:
            request["response_format"] = _response_format(decoding.format)
        return request


def _response_format(form: Format) -> dict[str, Any]:
    schema = json.loads(form.schema)
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _messages(conversation: Conversation) -> list[dict[str, str]]:
    return [{"role": str(message.role), "content": neutralise(message.content)} for message in conversation]


def _complete(client: Any, request: dict[str, Any], sink: Callable[[str], None] | None) -> Completion:
    import openai

    started = time.perf_counter()
    pieces: list[str] = []
    first_ms, finish, usage = 0.0, "", None
    try:
        for event in client.chat.completions.create(**request):
            usage = event.usage or usage
            for choice in event.choices[:1]:
                finish = choice.finish_reason or finish
                if text := choice.delta.content:
                    first_ms = first_ms or _since(started)
                    pieces.append(text)
                    if sink is not None:
                        sink(text)
    except openai.OpenAIError as error:
        raise _explain(error, request["model"]) from error
    total_ms = _since(started)
    return Completion(
        "".join(pieces),
        usage.prompt_tokens
        if usage
        else sum(_estimate(message["content"]) for message in request["messages"]),
        usage.completion_tokens if usage else len(pieces),
        "length" if finish == "length" else "stop",
        first_ms,
        total_ms - first_ms,
        first_ms,
    )


def _explain(error: Exception, model: str) -> BackendError:
    import openai

    if isinstance(error, openai.APITimeoutError):
        return BackendError(
            "the endpoint did not answer in time. Raise timeout_seconds.", engine=_ENGINE, retryable=True
        )
    if isinstance(error, openai.APIConnectionError):
        return BackendError(
            "the endpoint cannot be reached. Check [generator] base_url and that it runs.",
            engine=_ENGINE,
            retryable=True,
        )
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return BackendError(
            "the endpoint refuses the key. Check the variable that api_key_env names.", engine=_ENGINE
        )
    if isinstance(error, openai.NotFoundError):
        return BackendError(
            f"the endpoint knows no model {model}. Check [generator] model and base_url.", engine=_ENGINE
        )
    if isinstance(error, openai.RateLimitError):
        return BackendError(
            "the endpoint limits the rate. Lower parallel or wait.", engine=_ENGINE, retryable=True
        )
    if isinstance(error, openai.APIStatusError):
        return BackendError(
            f"the endpoint answered {error.status_code}: {error.message}",
            engine=_ENGINE,
            retryable=error.status_code >= 500,
        )
    return BackendError(f"the reply could not be read: {error}", engine=_ENGINE)


def _estimate(text: str) -> int:
    if text.isascii():
        return len(text) // 3 + 1
    return sum(2 if is_cjk(character) else 1 for character in text) // (1 if is_cjk(text) else 2) + 1


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
