"""Hugging Face directories with torch, on a GPU where there is one: batched, length-sorted greedy or sampled decoding."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from knowhow import storage
from knowhow.errors import BackendError, ConfigError, MissingDependencyError
from knowhow.generation.chat import ChatTokenizer
from knowhow.generation.repetition import find_loop
from knowhow.generation.weights import find_directory, fingerprint, identify
from knowhow.protocols import TextSink
from knowhow.registry import register
from knowhow.types import Completion, Conversation, Decoding


@register("generator", "transformers")
@dataclass
class Transformers:
    """Generates with torch; `model` is a Hugging Face directory (empty: the embedded model), `adapter` a PEFT directory.

    It cannot enforce a format while it writes. `precision` "auto" is bfloat16 on a GPU, float32 on a CPU. Answers are the same
    whatever else is asked with `batch_size` 1; larger batches are faster, and near ties may then fall differently.
    """

    model: str = ""
    adapter: str = ""
    window_tokens: int = 4096
    batch_size: int = 8
    threads: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    _engine: _Engine | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the sizes."""
        if self.window_tokens < 256 or self.batch_size < 1:
            raise ConfigError("[generator] needs window_tokens of at least 256 and batch_size of at least 1.")

    @property
    def identity(self) -> str:
        """Digest of weights, adapter and what changes an answer."""
        adapter = fingerprint(Path(self.adapter).expanduser()) if self.adapter else ""
        weights = identify(self.model, find_directory(self.model))
        return storage.digest_json(
            [
                "transformers-2",
                weights,
                adapter,
                self.window_tokens,
                self.batch_size,
                self.precision,
                self.device,
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
        """Continue each conversation, those of similar length together; BackendError when one does not fit the window."""
        engine = self._load()
        prompts = [engine.tokenizer.encode(conversation) for conversation in conversations]
        longest = max(map(len, prompts), default=0)
        if longest >= engine.window:
            raise BackendError(
                f"a prompt has {longest} tokens and the window {engine.window}. Ask for fewer passages.",
                engine="transformers",
            )
        completions: dict[int, Completion] = {}
        order = sorted(range(len(prompts)), key=lambda place: (len(prompts[place]), place))
        with self._lock:
            for start in range(0, len(order), self.batch_size):
                places = order[start : start + self.batch_size]
                found = _Batch(engine, [prompts[place] for place in places], decoding).run(
                    _narrow(on_text, places) if on_text is not None else None
                )
                completions.update(zip(places, found, strict=True))
        return [completions[place] for place in range(len(prompts))]

    def close(self) -> None:
        """Release the model."""
        with self._lock:
            self._engine = None

    def _load(self) -> _Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _Engine(self)
            return self._engine


class _Engine:
    def __init__(self, options: Transformers) -> None:
        if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
            raise MissingDependencyError.extra("The transformers engine", "train")
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar as hide_bars

        hide_bars()
        directory = find_directory(options.model)
        self.tokenizer = ChatTokenizer.from_directory(directory)
        if options.threads:
            torch.set_num_threads(options.threads)
        has_gpu = torch.cuda.is_available()
        self.device = ("cuda" if has_gpu else "cpu") if options.device == "auto" else options.device
        if self.device == "cuda" and not has_gpu:
            raise ConfigError('[generator] device is "cuda", and torch sees no GPU. Use device = "auto".')
        precision = options.precision
        if precision == "auto":
            precision = "bfloat16" if self.device == "cuda" else "float32"
        model = AutoModelForCausalLM.from_pretrained(
            directory, dtype=getattr(torch, precision), local_files_only=True, trust_remote_code=False
        )
        if options.adapter:
            model = _merge(model, Path(options.adapter).expanduser())
        self.model = model.to(self.device).eval()
        self.window = min(options.window_tokens, int(model.config.max_position_embeddings))
        ends = model.generation_config.eos_token_id
        ends = model.config.eos_token_id if ends is None else ends
        self.ends = frozenset(ends if isinstance(ends, list) else [ends])
        pad = model.config.pad_token_id
        self.pad = int(pad if pad is not None else min(self.ends))


class _Batch:
    """One padded batch through prefill and decoding; rows that ended leave the text, not the batch."""

    def __init__(self, engine: _Engine, prompts: list[list[int]], decoding: Decoding) -> None:
        self.engine, self.prompts, self.decoding = engine, prompts, decoding
        self.ids: list[list[int]] = [[] for _ in prompts]
        self.texts = [""] * len(prompts)
        self.finish = ["length"] * len(prompts)
        self.is_done = [False] * len(prompts)
        self.limits = [min(decoding.max_tokens, engine.window - len(prompt)) for prompt in prompts]

    def run(self, sink: TextSink | None) -> list[Completion]:
        """Generate until every row has ended."""
        import torch

        with torch.inference_mode():
            started = time.perf_counter()
            inputs, mask, positions = self._pad()
            output = self.engine.model(
                input_ids=inputs,
                attention_mask=mask,
                position_ids=positions,
                use_cache=True,
                logits_to_keep=1,
            )
            prefill_ms = (time.perf_counter() - started) * 1000
            place = positions[:, -1:]
            chooser = _Chooser(self.decoding, len(self.prompts))
            while True:
                chosen = chooser.choose(output.logits[:, -1])
                self._take(chosen.tolist(), sink)
                if all(self.is_done):
                    break
                mask = torch.cat([mask, mask.new_ones((len(self.prompts), 1))], dim=1)
                place = place + 1
                output = self.engine.model(
                    input_ids=chosen[:, None],
                    attention_mask=mask,
                    position_ids=place,
                    past_key_values=output.past_key_values,
                    use_cache=True,
                )
        share = 1 / len(self.prompts)
        decode_ms = (time.perf_counter() - started) * 1000 - prefill_ms
        return [
            Completion(text, len(prompt), len(ids), finish, prefill_ms * share, decode_ms * share, prefill_ms)
            for text, prompt, ids, finish in zip(self.texts, self.prompts, self.ids, self.finish, strict=True)
        ]

    def _pad(self) -> tuple[Any, Any, Any]:
        import torch

        width = max(map(len, self.prompts))
        rows = [[self.engine.pad] * (width - len(prompt)) + prompt for prompt in self.prompts]
        masks = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in self.prompts]
        inputs = torch.tensor(rows, device=self.engine.device)
        mask = torch.tensor(masks, device=self.engine.device)
        return inputs, mask, (mask.cumsum(1) - 1).clamp(min=0)

    def _take(self, chosen: list[int], sink: TextSink | None) -> None:
        for row, token in enumerate(chosen):
            if self.is_done[row]:
                continue
            if token in self.engine.ends:
                self.is_done[row], self.finish[row] = True, "stop"
            else:
                self.ids[row].append(token)
                self.is_done[row] = len(self.ids[row]) >= self.limits[row]
            self._show(row, sink)

    def _show(self, row: int, sink: TextSink | None) -> None:
        text = self.engine.tokenizer.decode(self.ids[row])
        found = min((place for stop in self.decoding.stop if (place := text.find(stop)) >= 0), default=-1)
        if found >= 0:
            text, self.is_done[row], self.finish[row] = text[:found], True, "stop"
        elif (kept := find_loop(text)) is not None:
            text, self.is_done[row], self.finish[row] = text[:kept], True, "stop"
        # A character may span tokens: its first half decodes to the replacement character and waits.
        ready = text if self.is_done[row] else text.rstrip("\ufffd")
        if sink is not None and len(ready) > len(self.texts[row]):
            sink(row, ready[len(self.texts[row]) :])
        self.texts[row] = ready


class _Chooser:
    """Chooses next tokens: the likeliest at temperature 0, else sampled per row so that neighbours do not matter."""

    def __init__(self, decoding: Decoding, rows: int) -> None:
        import torch

        self._temperature = decoding.temperature
        self._randoms = [torch.Generator().manual_seed(decoding.seed) for _ in range(rows)]

    def choose(self, logits: Any) -> Any:
        import torch

        if self._temperature <= 0:
            return logits.argmax(-1)
        shares = torch.softmax(logits.float().cpu() / self._temperature, dim=-1)
        chosen = [
            torch.multinomial(row, 1, generator=random)
            for row, random in zip(shares, self._randoms, strict=True)
        ]
        return torch.cat(chosen).to(logits.device)


def _merge(model: Any, adapter: Path) -> Any:
    from knowhow.errors import NotFoundError

    if not (adapter / "adapter_model.safetensors").is_file():
        raise NotFoundError(f"There is no adapter at {adapter}. Correct the path, or train it again.")
    if importlib.util.find_spec("peft") is None:
        raise MissingDependencyError.extra("An adapter on the transformers engine", "train")
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(adapter), local_files_only=True).merge_and_unload()


def _narrow(on_text: TextSink, places: Sequence[int]) -> Callable[[int, str], None]:
    def sink(row: int, text: str) -> None:
        on_text(places[row], text)

    return sink
