"""The window of the model that answers, without loading it: tokens are counted by the vocabulary in its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow import registry
from knowhow.config import Settings
from knowhow.errors import KnowHowError
from knowhow.protocols import Generator

_EMBEDDED = "The embedded model is not in the cache"


@dataclass(frozen=True, slots=True)
class Window:
    """How many tokens fit, and what counts them; where nothing can, `unchecked` says why."""

    tokens: int = 0
    count: Callable[[Sequence[str]], list[int]] | None = None
    unchecked: str = ""


def find_window(settings: Settings) -> Window:
    """Return the generator's window and counter; nothing is fetched, and llama.cpp's models are not loaded.

    Engines that estimate (an endpoint) count as they do when they answer.
    """
    choice = settings.generator
    try:
        if choice.name == "llama_cpp":
            return _gguf_window(str(choice.options.get("model", "")), settings)
        generator: Generator = registry.build(
            "generator", choice.name, choice.options, section="knowhow.toml [generator]"
        )
        return Window(generator.context_tokens, generator.count_tokens)
    except KnowHowError as error:
        return Window(unchecked=str(error))


def _gguf_window(model: str, settings: Settings) -> Window:
    from knowhow.generation.weights import find_gguf
    from knowhow.models import SMOLLM2, is_fetched
    from knowhow.models.gguf_file import read_header
    from knowhow.models.tokenizer import build_tokenizer

    if model in ("", SMOLLM2.name) and not is_fetched(SMOLLM2):
        return Window(unchecked=f"{_EMBEDDED}. Fetch it with: knowhow models get {SMOLLM2.name}")
    header = read_header(Path(find_gguf(model)))
    tokenizer = build_tokenizer(header.metadata)
    architecture = str(header.metadata.get("general.architecture", "llama"))
    asked = int(settings.generator.options.get("window_tokens", 4096))
    tokens = min(asked, int(header.metadata.get(f"{architecture}.context_length", asked)))

    def count(texts: Sequence[str]) -> list[int]:
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoded.ids) for encoded in found]

    return Window(tokens, count)
