"""Deterministic stand-ins for the model-backed parts: no download, no threads, the same output on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from knowhow.language import words
from knowhow.protocols import TextSink
from knowhow.registry import register
from knowhow.types import Chunk, Completion, Conversation, Decoding, Hit, Query

if TYPE_CHECKING:
    from knowhow.protocols import Matrix


@dataclass(frozen=True)
class FakeEmbedder:
    """Hashes words into a unit vector: texts that share words are near each other."""

    dimension: int = 64
    identity: str = "fake"

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return one unit row per text; an empty text points along the first axis."""
        import numpy as np

        matrix = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text) or [""]:
                code = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
                matrix[row, code % self.dimension] += 1.0 if code >> 32 & 1 else -1.0
            length = float(np.linalg.norm(matrix[row]))
            matrix[row, 0] += 1.0 if length == 0 else 0.0
            matrix[row] /= length or 1.0
        return matrix


@dataclass
class FakeGenerator:
    """Answers by a rule of the conversation; by default it repeats the last user turn's first line."""

    reply: Callable[[Conversation], str] = lambda conversation: conversation[-1].content.splitlines()[0]
    context_tokens: int = 2048
    identity: str = "fake"
    seen: list[Conversation] = field(default_factory=list)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """One token per word."""
        return [len(words(text)) for text in texts]

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
    ) -> list[Completion]:
        """Apply the rule, cut at `max_tokens` words and at stop strings."""
        completions = []
        for position, conversation in enumerate(conversations):
            self.seen.append(conversation)
            text = self.reply(conversation)
            for stop in decoding.stop:
                text = text.split(stop)[0]
            pieces = text.split(" ")
            finish = "length" if len(pieces) > decoding.max_tokens else "stop"
            text = " ".join(pieces[: decoding.max_tokens])
            if on_text is not None:
                on_text(position, text)
            prompt_tokens = sum(self.count_tokens([message.content for message in conversation]))
            completions.append(Completion(text, prompt_tokens, len(words(text)), finish))
        return completions

    def close(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True)
class FakeRetriever:
    """Returns the given hits by question text, filtered by the asker's groups."""

    chunks: Sequence[Chunk]

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """Rank by number of shared words, ties by chunk id."""
        found = []
        for query in queries:
            wanted = set(words(query.text))
            readable = [chunk for chunk in self.chunks if not chunk.groups or chunk.groups & query.groups]
            hits = [Hit(chunk, float(len(wanted & set(words(chunk.text))))) for chunk in readable]
            found.append(
                sorted((hit for hit in hits if hit.score > 0), key=lambda hit: (-hit.score, hit.chunk.id))[:k]
            )
        return found


@register("embedder", "fake")
@dataclass(frozen=True)
class RegisteredFakeEmbedder(FakeEmbedder):
    """The fake embedder by configuration, for tests that must not touch a model."""


@register("generator", "fake")
@dataclass
class RegisteredFakeGenerator:
    """The fake generator by configuration: answers with the first sentence of the first passage of the prompt."""

    context_tokens: int = 2048
    adapter: str = ""

    def __post_init__(self) -> None:
        """Keep the generator that does the work."""
        self._inner = FakeGenerator(_first_passage, self.context_tokens)

    @property
    def identity(self) -> str:
        """Name and adapter."""
        return f"fake:{self.adapter}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """One token per word."""
        return self._inner.count_tokens(texts)

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
    ) -> list[Completion]:
        """See FakeGenerator."""
        return self._inner.generate(conversations, decoding, on_text)

    def close(self) -> None:
        """Nothing to release."""


def _first_passage(conversation: Conversation) -> str:
    lines = [line for line in conversation[-1].content.splitlines() if line.startswith("[1]")]
    return (lines[0].removeprefix("[1]").strip() + " [1]") if lines else "This is not in the documents."
