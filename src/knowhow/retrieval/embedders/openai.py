"""Any OpenAI-compatible embeddings endpoint: vLLM, Ollama, llama-server, OpenAI and others, by base_url."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from knowhow.errors import BackendError, ConfigError, MissingDependencyError
from knowhow.registry import register
from knowhow.retrieval.engine.vectors import normalise
from knowhow.storage import digest

if TYPE_CHECKING:
    from knowhow.protocols import Matrix

_ENGINE = "openai embedder"


@register("embedder", "openai")
@dataclass(eq=False)
class OpenAiEmbedder:
    """Embeds through `base_url` with the key in the environment variable `api_key_env`; sends texts nowhere else.

    `languages` names what the model understands (empty: every language).
    """

    base_url: str
    model: str
    api_key_env: str = ""
    batch_size: int = 64
    dimensions: int | None = None
    timeout_seconds: float = 60.0
    languages: frozenset[str] = frozenset()

    @property
    def identity(self) -> str:
        """Endpoint, model and vector length: the weights behind an endpoint cannot be seen."""
        return f"openai:{digest(f'{self.base_url} {self.model} {self.dimensions}')[:16]}"

    @cached_property
    def dimension(self) -> int:
        """Columns of the matrix; asks the endpoint once unless `dimensions` says."""
        return self.dimensions or int(self.embed(["dimension"]).shape[1])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return shape (len(texts), dimension), float32, rows of length 1; BackendError when the endpoint fails."""
        import numpy as np

        rows: list[list[float]] = []
        for start in range(0, len(texts), self.batch_size):
            rows += self._request(list(texts[start : start + self.batch_size]))
        if not rows:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return normalise(np.array(rows, dtype=np.float32))

    def _request(self, texts: list[str]) -> list[list[float]]:
        client = self._client
        import openai

        extra: dict[str, Any] = {"dimensions": self.dimensions} if self.dimensions else {}
        try:
            # Some servers refuse empty strings; a blank means the same to a tokenizer.
            found = client.embeddings.create(
                model=self.model, input=[text or " " for text in texts], encoding_format="float", **extra
            )
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
            raise BackendError(f"{self.base_url}: {error}", engine=_ENGINE, retryable=True) from error
        except openai.OpenAIError as error:
            raise BackendError(f"{self.base_url}: {error}", engine=_ENGINE) from error
        if len(found.data) != len(texts):
            raise BackendError(
                f"{self.base_url} gave {len(found.data)} vectors for {len(texts)} texts.", engine=_ENGINE
            )
        return [item.embedding for item in sorted(found.data, key=lambda item: item.index)]

    @cached_property
    def _client(self) -> Any:
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingDependencyError.extra("The openai embedder", "remote") from error
        key = os.environ.get(self.api_key_env, "") if self.api_key_env else "none"
        if not key:
            raise ConfigError(
                f"[embedder] api_key_env names {self.api_key_env}, which is empty. Set it: export {self.api_key_env}=…"
            )
        return OpenAI(base_url=self.base_url, api_key=key, timeout=self.timeout_seconds, max_retries=2)
