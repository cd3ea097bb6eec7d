"""The LoRA trainer: runs in a process of its own, so that whoever asks never imports torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow.errors import MissingDependencyError
from knowhow.registry import register
from knowhow.storage import digest_json, read_json
from knowhow.training.adapters import FACTS, WEIGHTS
from knowhow.training.base_model import base_model_directory
from knowhow.training.job import Job, default_threads, discard, run_job
from knowhow.training.options import TrainingOptions
from knowhow.training.rows import TrainingRow, rows_digest, write_rows
from knowhow.types import Conversation


@register("trainer", "lora")
@dataclass(frozen=True)
class LoraTrainer(TrainingOptions):
    """Fits a LoRA adapter to conversations, loss on the last turn only; see TrainingOptions for what can be set."""

    @property
    def row_limit(self) -> int:
        """The most rows that the effort allows."""
        return self.resolve().max_rows

    def train(self, conversations: Sequence[Conversation], out: Path, *, seed: int = 0) -> None:
        """Write an adapter directory to `out`; after a kill the same call goes on and ends in the same bytes."""
        for name in ("torch", "transformers", "peft", "safetensors"):
            if importlib.util.find_spec(name) is None:
                raise MissingDependencyError.extra("Training", "train")
        name, base = base_model_directory(self.base_model)
        work = out.with_name(f"{out.name}.work")
        rows = [TrainingRow("sft", conversation) for conversation in conversations]
        request = digest_json([rows_digest(rows), self.describe(), name, seed])
        if not _is_done(out, request):
            write_rows(work / "rows.jsonl", rows)
            job = Job(work / "rows.jsonl", base, name, out, work, self.describe(), seed, request)
            run_job("knowhow.training.lora", job.write(), self.threads or default_threads())
        discard(work)


def _is_done(out: Path, request: str) -> bool:
    facts = out / FACTS
    return facts.is_file() and (out / WEIGHTS).is_file() and read_json(facts).get("request") == request
