"""Tune a BERT sentence encoder on question -> evidence pairs (InfoNCE): `python -m knowhow.training.contrastive JOB`.

The loss is the cross-entropy of the right passage among all passages of the batch, its own hard negatives included, over cosines
divided by a temperature (van den Oord et al. 2018, with the in-batch negatives of Henderson et al. 2017).
"""

from __future__ import annotations

import json
import math
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import KnowHowError
from knowhow.progress import progress
from knowhow.registry import check_options
from knowhow.storage import digest_file, digest_json, read_lines, write_bytes, write_json
from knowhow.training.adapters import library_versions
from knowhow.training.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from knowhow.training.job import Job, default_threads, disk_errors, follow_parent, read_job, report_failure


@dataclass(frozen=True)
class ContrastiveOptions:
    """How a retriever is tuned; full tuning on few pairs destroys an encoder easily, hence the small rate and the blend."""

    epochs: float = 3.0
    learning_rate: float = 3e-5
    batch_pairs: int = 16
    negatives: int = 2
    temperature: float = 0.05
    warmup: float = 0.1
    max_tokens: int = 192
    blend: float = 0.7
    """Share of the tuned weights in the result, the rest from before: keeps what the encoder knew of other texts."""
    threads: int = 0
    checkpoint_seconds: float = 60.0


class ContrastiveLoop:
    """Tunes an encoder; `run` goes on from the last checkpoint in `folder` after a kill."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        rows: Sequence[dict[str, Any]],
        options: ContrastiveOptions,
        job: Job,
    ) -> None:
        import torch

        self.model, self.tokenizer, self.rows, self.options, self.job = model, tokenizer, rows, options, job
        self.device = next(model.parameters()).device
        self.parameters = dict(sorted(model.named_parameters()))
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), lr=options.learning_rate, weight_decay=0.01
        )
        self.state = TrainingState(digest_json([list(rows), dict(job.options), job.seed, library_versions()]))
        self.steps_per_epoch = math.ceil(len(rows) / options.batch_pairs)
        self.total_steps = math.ceil(options.epochs * self.steps_per_epoch)

    def run(self) -> TrainingState:
        """Train to the end; the weights are left in the model."""
        from torch.nn.utils import clip_grad_norm_

        self._resume()
        saved = started = time.monotonic()
        before = self.state.seconds
        with progress("Tuning the retriever", self.total_steps - self.state.step, "steps") as bar:
            while self.state.step < self.total_steps:
                loss = self.loss(self._batch(self.state.step))
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                clip_grad_norm_(self.parameters.values(), 1.0)
                for group in self.optimizer.param_groups:
                    group["lr"] = self.options.learning_rate * self._share(self.state.step)
                self.optimizer.step()
                self.state.step += 1
                self.state.losses.append(float(loss.detach()))
                self.state.seconds = before + time.monotonic() - started
                figures = {"step": self.state.step, "steps": self.total_steps, "loss": self.state.losses[-1]}
                bar.advance(1, f"loss {self.state.losses[-1]:.3f}", **figures)
                if time.monotonic() - saved >= self.options.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        return self.state

    def loss(self, batch: Sequence[dict[str, Any]]) -> Any:
        """Return the mean InfoNCE loss of a batch; a passage that is right for two questions is never a negative for either."""
        import torch
        from torch.nn.functional import cross_entropy

        passages = list(
            dict.fromkeys(
                text
                for row in batch
                for text in (row["positive"], *row["negatives"][: self.options.negatives])
            )
        )
        questions = self.embed([row["query"] for row in batch])
        scores = questions @ self.embed(passages).T / self.options.temperature
        place = {text: number for number, text in enumerate(passages)}
        targets = torch.tensor([place[row["positive"]] for row in batch], device=self.device)
        right: dict[str, set[str]] = {}
        for row in batch:
            right.setdefault(row["query"], set()).add(row["positive"])
        for number, row in enumerate(batch):
            for text in right[row["query"]] - {row["positive"]}:
                scores[number, place[text]] = float("-inf")
        return cross_entropy(scores, targets)

    def embed(self, texts: Sequence[str]) -> Any:
        """Return unit vectors: the mean over tokens, as the index makes them."""
        from torch.nn.functional import normalize

        encoded = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self.options.max_tokens,
            return_tensors="pt",
        ).to(self.device)
        hidden = self.model(**encoded).last_hidden_state
        mask = encoded["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)

    def _batch(self, step: int) -> list[dict[str, Any]]:
        epoch, place = divmod(step, self.steps_per_epoch)
        order = list(range(len(self.rows)))
        random.Random(f"pairs:{self.job.seed}:{epoch}").shuffle(order)
        size = self.options.batch_pairs
        return [self.rows[number] for number in order[place * size : (place + 1) * size]]

    def _share(self, step: int) -> float:
        warm = max(1, round(self.options.warmup * self.total_steps))
        return (
            (step + 1) / warm if step < warm else (self.total_steps - step) / max(1, self.total_steps - warm)
        )

    def _save(self) -> None:
        tensors = {f"parameter.{name}": item for name, item in self.parameters.items()}
        for name, item in self.parameters.items():
            tensors |= {f"optimizer.{key}.{name}": value for key, value in self.optimizer.state[item].items()}
        save_checkpoint(self.job.work, self.state, tensors)

    def _resume(self) -> None:
        import torch

        found = load_checkpoint(self.job.work, self.state.fingerprint)
        if found is None:
            return
        self.state, tensors = found
        with torch.no_grad():
            for name, item in self.parameters.items():
                item.copy_(tensors[f"parameter.{name}"])
                for key in ("step", "exp_avg", "exp_avg_sq"):
                    if f"optimizer.{key}.{name}" in tensors:
                        self.optimizer.state[item][key] = tensors[f"optimizer.{key}.{name}"]


def tune(job: Job) -> None:
    """Tune the job's encoder and write `out` in the layout that the onnx embedder serves."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from knowhow.models.minilm import convert_minilm

    options = ContrastiveOptions(**check_options(ContrastiveOptions, job.options, "[training]"))
    torch.set_num_threads(options.threads or default_threads())
    torch.manual_seed(job.seed)
    tokenizer = AutoTokenizer.from_pretrained(job.base, local_files_only=True, trust_remote_code=False)
    model = AutoModel.from_pretrained(
        job.base,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.float32,
        add_pooling_layer=False,
    ).eval()
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    original = {name: item.detach().clone() for name, item in model.named_parameters()}
    state = ContrastiveLoop(model, tokenizer, list(read_lines(job.rows)), options, job).run()
    with torch.no_grad():
        for name, item in model.named_parameters():
            item.lerp_(original[name], 1.0 - options.blend)
    part = job.work / "encoder"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _write_weights(model, job.base, part / "source")
    convert_minilm(part / "source", part)
    shutil.rmtree(part / "source")
    facts = {
        "losses": state.losses,
        "seconds": round(state.seconds, 1),
        "seed": job.seed,
        "options": dict(job.options),
    }
    write_json(part / "training.json", {**facts, "model_digest": digest_file(part / "model.onnx")})
    shutil.rmtree(job.out, ignore_errors=True)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    part.replace(job.out)


def _write_weights(model: Any, base: Path, target: Path) -> None:
    """Write the weights under the names and beside the files of `base`."""
    from safetensors.torch import save

    target.mkdir()
    tensors = {name: item.detach().cpu().contiguous() for name, item in sorted(model.state_dict().items())}
    write_bytes(target / "model.safetensors", save(tensors, metadata={"format": "pt"}))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    write_json(target / "config.json", config)
    shutil.copyfile(base / "tokenizer.json", target / "tokenizer.json")


def main(path: Path) -> int:
    """Run the job file at `path`; errors that are the user's to mend go to failure.json beside it."""
    try:
        with disk_errors(path.parent):
            tune(read_job(path))
    except KnowHowError as error:
        report_failure(path, error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    follow_parent()
    sys.exit(main(Path(sys.argv[1])))
