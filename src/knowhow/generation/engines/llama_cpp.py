"""llama.cpp inside this process: GGUF models, grammars and LoRA adapters; nothing listens on the network."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow import storage
from knowhow.errors import BackendError, ConfigError
from knowhow.generation.chat import ChatTokenizer
from knowhow.generation.engine_tokenizer import EngineTokenizer
from knowhow.generation.grammars import make_grammar
from knowhow.generation.repetition import find_loop
from knowhow.generation.weights import find_adapter, find_gguf, fingerprint, identify
from knowhow.models.gguf_file import read_header
from knowhow.models.tokenizer import supports
from knowhow.protocols import TextSink
from knowhow.registry import register
from knowhow.types import Completion, Conversation, Decoding


@register("generator", "llama_cpp")
@dataclass
class LlamaCpp:
    """Generates with llama.cpp; the model is loaded at first use.

    `model` is the path of a GGUF file (empty: the embedded model), `adapter` a PEFT directory or a GGUF LoRA file.
    One conversation at a time and no reuse of prefixes (`parallel` 1, `reuses_prefix` false) give the same answer whatever else
    is asked; both can be raised where speed counts more: near ties may then fall differently.
    """

    model: str = ""
    adapter: str = ""
    window_tokens: int = 4096
    parallel: int = 1
    threads: int = 0
    reuses_prefix: bool = False
    enforce: bool = True
    gpu_layers: int = 0
    _engine: _Engine | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the sizes."""
        if self.window_tokens < 256 or self.parallel < 1 or self.threads < 0:
            raise ConfigError(
                "[generator] needs window_tokens of at least 256, parallel of at least 1 and threads of at least 0."
            )

    @property
    def identity(self) -> str:
        """Digest of weights, adapter and what changes an answer."""
        adapter = fingerprint(Path(self.adapter).expanduser()) if self.adapter else ""
        return storage.digest_json(
            [
                "llama_cpp-2",
                identify(self.model, find_gguf(self.model)),
                adapter,
                self.window_tokens,
                self.parallel,
                self.reuses_prefix,
            ]
        )

    @property
    def context_tokens(self) -> int:
        """The window asked for, or the model's own where that is smaller."""
        return self._load().window

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the model's own counts."""
        return self._load().tokenizer.count(texts)

    def generate(
        self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
    ) -> list[Completion]:
        """Continue each conversation; BackendError when the engine fails, ConfigError for a schema it cannot enforce."""
        engine = self._load()
        request = _describe(decoding, self.enforce, self.reuses_prefix)

        def run(position: int) -> Completion:
            sink = (lambda text: on_text(position, text)) if on_text is not None else None
            return engine.complete(conversations[position], request, sink)

        if self.parallel == 1 or len(conversations) == 1:
            return [run(position) for position in range(len(conversations))]
        with ThreadPoolExecutor(self.parallel) as pool:
            return list(pool.map(run, range(len(conversations))))

    def close(self) -> None:
        """Release the model."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _load(self) -> _Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _Engine(self)
            return self._engine


class _Engine:
    """A loaded model: the server object of xllamacpp, which also insists on listening somewhere."""

    def __init__(self, options: LlamaCpp) -> None:
        path = find_gguf(options.model)
        header = read_header(path)
        architecture = str(header.metadata.get("general.architecture", "llama"))
        self.window = min(
            options.window_tokens,
            int(header.metadata.get(f"{architecture}.context_length", options.window_tokens)),
        )
        # Waiting threads that spin starve everybody, themselves first, as soon as another program wants a core.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import xllamacpp

        self._folder = tempfile.TemporaryDirectory(prefix="knowhow-")
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_parallel = options.parallel
        parameters.n_ctx = self.window * options.parallel
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = options.threads or _cores()
        parameters.n_gpu_layers = options.gpu_layers
        parameters.fit_params = False
        parameters.cache_prompt = options.reuses_prefix
        parameters.cache_ram_mib = 0
        parameters.warmup = False
        parameters.ui = False
        parameters.verbosity = -1
        # A socket file that only this user can reach, and a key that nobody knows: no port is opened.
        address, key = Path(self._folder.name) / "engine.sock", secrets.token_urlsafe(32)
        parameters.hostnames, parameters.api_keys = [str(address)], [key]
        if options.adapter:
            adapter = xllamacpp.CommonAdapterLoraInfo(
                str(find_adapter(Path(options.adapter).expanduser(), header)), 1.0
            )
            parameters.lora_adapters = [adapter]
        try:
            self._server = xllamacpp.Server(parameters)
        except (RuntimeError, ValueError) as error:
            self._folder.cleanup()
            raise BackendError(
                f"could not load {path}: {error}. Check with: knowhow doctor", engine="llama_cpp"
            ) from error
        self.tokenizer = (
            ChatTokenizer.from_gguf(header.metadata)
            if supports(header.metadata)
            else ChatTokenizer.from_engine(EngineTokenizer(address, key, header.metadata), header.metadata)
        )

    def complete(
        self, conversation: Conversation, request: dict[str, Any], sink: Callable[[str], None] | None
    ) -> Completion:
        ids = self.tokenizer.encode(conversation)
        room = self.window - len(ids)
        if room < 1:
            raise BackendError(
                f"the prompt has {len(ids)} tokens and the window {self.window}. Ask for fewer passages or a larger window_tokens.",
                engine="llama_cpp",
            )
        limit = min(request["max_tokens"], room)
        reply = _Reply(sink)
        self._server.handle_completions({**request, "max_tokens": limit, "prompt": ids}, reply.receive)
        return reply.finish(len(ids))

    def close(self) -> None:
        del self._server
        self._folder.cleanup()


class _Held:
    """Keeps what its block raises for later: the callback runs inside C++, which would swallow it."""

    error: BaseException | None = None

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error or self.error
        return True


class _Reply:
    """Collects the pieces of one completion; returning True from `receive` makes llama.cpp stop, as it does once the text loops."""

    def __init__(self, sink: Callable[[str], None] | None) -> None:
        self._sink, self._pieces = sink, list[str]()
        self._started = time.perf_counter()
        self._first_ms = 0.0
        self._last: dict[str, Any] = {}
        self._held = _Held()
        self._finish = ""
        self._kept: int | None = None

    def receive(self, event: dict[str, Any]) -> bool:
        self._last = event
        if "error" in event:
            return True
        choice = event["choices"][0]
        self._finish = choice["finish_reason"] or self._finish
        if text := choice["text"]:
            self._first_ms = self._first_ms or (time.perf_counter() - self._started) * 1000
            self._pieces.append(text)
            if self._sink is not None:
                with self._held:
                    self._sink(text)
            self._kept = find_loop("".join(self._pieces))
        return self._held.error is not None or self._kept is not None

    def finish(self, prompt_tokens: int) -> Completion:
        if self._held.error is not None:
            raise self._held.error
        if not self._last or "error" in self._last:
            reason = self._last.get("error", {}).get("message", "it returned nothing")
            raise BackendError(f"could not answer: {reason}.", engine="llama_cpp")
        timings = self._last.get("timings", {})
        return Completion(
            "".join(self._pieces)[: self._kept],
            prompt_tokens,
            int(timings.get("predicted_n", 0)),
            "length" if self._finish == "length" else "stop",
            float(timings.get("prompt_ms", 0.0)),
            float(timings.get("predicted_ms", 0.0)),
            self._first_ms,
        )


def _describe(decoding: Decoding, enforces: bool, reuses_prefix: bool) -> dict[str, Any]:
    request: dict[str, Any] = {
        "stream": True,
        "timings_per_token": True,
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
        "seed": decoding.seed,
        "stop": list(decoding.stop),
        "cache_prompt": reuses_prefix,
        "samplers": ["temperature"],
    }
    if enforces and decoding.format is not None and (grammar := make_grammar(decoding.format)):
        request["grammar"] = grammar
    return request


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
