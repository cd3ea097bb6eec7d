"""The training loop: AdamW over LoRA weights, loss on answers only, resumable at any step to the same bits."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.progress import progress
from knowhow.training.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from knowhow.training.network import AdaptedModel
from knowhow.training.options import TrainingOptions
from knowhow.training.packing import PackedBatch, pack, plan_steps, split_step
from knowhow.training.tokens import EncodedRow

CPU_BATCH_TOKENS, GPU_BATCH_TOKENS = 768, 32768
_PACE_STEPS = 4
"""Steps after which the pace is taken as known."""


@dataclass
class Rows:
    """Rows to train on and rows to validate on."""

    training: Sequence[EncodedRow]
    validation: Sequence[EncodedRow]


class LowerStates:
    """Hidden states below the first adapted layer: computed once per row where they fit, else with each batch."""

    def __init__(
        self, model: AdaptedModel, rows: Sequence[EncodedRow], batch_tokens: int, megabytes: int
    ) -> None:
        self._model = model
        self._kept: dict[int, Any] = {}
        if not model.first_adapted or not rows:
            return
        left = megabytes * 2**20
        order = sorted(range(len(rows)), key=lambda number: (len(rows[number].ids), number))
        with progress("Reading below the adapter", sum(len(row.ids) for row in rows), "tokens") as bar:
            for part in split_step(rows, order, batch_tokens):
                batch = pack([rows[number] for number in part], part, shares_prefix=False)
                hidden = model.lower(batch)
                left -= hidden.nbytes
                if left < 0:
                    return
                pieces = hidden.split([len(rows[number].ids) for number in part])
                self._kept.update(zip(part, pieces, strict=True))
                bar.advance(batch.layout.tokens)

    def of(self, batch: PackedBatch) -> Any:
        """Return the hidden states of a packed batch, (tokens, width)."""
        import torch

        if not all(number in self._kept for number in batch.rows):
            return self._model.lower(batch)
        prefix = batch.layout.prefix
        own = [self._kept[number][prefix:] for number in batch.rows]
        return torch.cat([self._kept[batch.rows[0]][:prefix], *own])


class LoraLoop:
    """Trains one adapter; `run` may be called after a kill and continues from the last checkpoint in `folder`."""

    def __init__(
        self,
        model: AdaptedModel,
        rows: Rows,
        options: TrainingOptions,
        seed: int,
        folder: Path,
        fingerprint: str,
    ) -> None:
        import torch

        self.model, self.rows, self.options, self.seed, self.folder = model, rows, options, seed, folder
        self.weights = model.parameters()
        self.parameters = {
            name: item if item.dtype == torch.float32 else item.detach().float()
            for name, item in self.weights.items()
        }
        """What the optimizer moves, float32: the model's own tensors, or exact copies of rounded ones."""
        self.state = TrainingState(fingerprint)
        self.best: dict[str, Any] = {}
        is_gpu = model.device.type == "cuda"
        self.batch_tokens = options.batch_tokens or (GPU_BATCH_TOKENS if is_gpu else CPU_BATCH_TOKENS)
        self.optimizer = torch.optim.AdamW(
            list(self.parameters.values()), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        self.steps_per_epoch = math.ceil(len(rows.training) / options.batch_examples)
        self.asked_steps = self.total_steps = max(1, math.ceil(options.epochs * self.steps_per_epoch))

    def run(self) -> TrainingState:
        """Train to the end and leave the best adapter in the model's parameters."""
        self._resume()
        if not self.state.is_finished:
            self._train()
        self._restore(self.best)
        return self.state

    def _train(self) -> None:
        megabytes, began = self.options.activations_megabytes, time.monotonic()
        lower = LowerStates(self.model, self.rows.training, self.batch_tokens, megabytes)
        unseen = LowerStates(self.model, self.rows.validation, self.batch_tokens, megabytes // 4)
        plan = self._plan()
        tokens = [sum(len(self.rows.training[number].ids) for number in step) for step in plan]
        saved = started = time.monotonic()
        before, left = self.state.seconds, self.options.max_seconds - (started - began)
        with progress("Training", sum(tokens[self.state.step :]), "tokens") as bar:
            while not self.state.is_finished:
                number = self.state.step
                loss = self._step(plan[number], lower)
                self.state.step += 1
                self.state.losses.append(loss)
                self.state.tokens += tokens[number]
                is_epoch_end = self.state.step % self.steps_per_epoch == 0
                if is_epoch_end or self.state.step == self.total_steps:
                    self._end_epoch(unseen)
                now = time.monotonic()
                self.state.seconds = before + now - started
                note = f"step {self.state.step}/{self.total_steps}, loss {_recent(self.state.losses):.3f}"
                figures = {"step": self.state.step, "steps": self.total_steps, "loss": loss}
                if is_epoch_end and self.state.validation:
                    figures["validation"] = self.state.validation[-1]
                bar.advance(tokens[number], note + _said(self.state.validation), **figures)
                if self.options.max_seconds and self._leaves_out(tokens, left):
                    bar.total = sum(tokens[: self.total_steps])
                if self.state.is_finished or now - saved >= self.options.checkpoint_seconds:
                    self._save()
                    saved = now

    def _leaves_out(self, tokens: Sequence[int], seconds: float) -> bool:
        """Leave out the last steps where the pace so far says that they would not be done in time; the next one always is."""
        done = self.state.step
        if self.state.is_finished or done < _PACE_STEPS:
            return False
        affordable = self.state.tokens / max(self.state.seconds, 1e-9) * seconds
        fitting = sum(total <= affordable for total in itertools.accumulate(tokens))
        planned = min(self.total_steps, max(done + 1, fitting))
        if planned == self.total_steps:
            return False
        self.total_steps = self.state.planned_steps = planned
        return True

    def _plan(self) -> list[list[int]]:
        epochs = math.ceil(self.total_steps / self.steps_per_epoch)
        steps = [
            step
            for epoch in range(epochs)
            for step in plan_steps(self.rows.training, self.options.batch_examples, epoch, self.seed)
        ]
        return steps[: self.total_steps]

    def _step(self, numbers: Sequence[int], lower: LowerStates) -> float:
        """One optimizer step over some rows, in as many micro-batches as memory wants; returns the mean answer-token loss."""
        import torch

        while True:
            try:
                loss = self._accumulate(numbers, lower)
                break
            except torch.OutOfMemoryError:
                if self.batch_tokens <= 256:
                    raise
                self.batch_tokens //= 2
                torch.cuda.empty_cache()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(self.state.step)
        self.optimizer.step()
        self._hand_over()
        return loss

    def _accumulate(self, numbers: Sequence[int], lower: LowerStates) -> float:
        rows = self.rows.training
        self.optimizer.zero_grad(set_to_none=True)
        answer_tokens = sum(rows[number].answer_tokens for number in numbers)
        total = 0.0
        for part in split_step(rows, numbers, self.batch_tokens):
            batch = pack([rows[number] for number in part], part, self.options.shares_prefix)
            loss = self.model.losses(batch, lower.of(batch)).sum() / answer_tokens
            loss.backward()
            self._collect_gradients()
            total += float(loss.detach())
        return total

    def _collect_gradients(self) -> None:
        """Add the gradients of rounded weights to those of their float32 copies."""
        for name, item in self.parameters.items():
            weight = self.weights[name]
            if weight is not item:
                gradient = weight.grad.float()
                item.grad = gradient if item.grad is None else item.grad.add_(gradient)
                weight.grad = None

    def _hand_over(self) -> None:
        """Give the model the weights as rounded to its precision."""
        import torch

        with torch.no_grad():
            for name, item in self.parameters.items():
                if self.weights[name] is not item:
                    self.weights[name].copy_(item)

    def _rate(self, step: int) -> float:
        """Linear warm-up, then linear decay to nought."""
        warm = max(1, round(self.options.warmup * self.total_steps))
        share = (
            (step + 1) / warm if step < warm else (self.total_steps - step) / max(1, self.total_steps - warm)
        )
        return self.options.learning_rate * share

    def _end_epoch(self, lower: LowerStates) -> None:
        state, epoch = self.state, len(self.state.validation)
        if self.rows.validation:
            state.validation.append(self.validate(lower))
            if state.best_epoch < 0 or state.validation[epoch] < state.validation[state.best_epoch]:
                state.best_epoch, self.best = epoch, self._copy()
            state.is_finished = epoch - state.best_epoch >= self.options.patience
        if state.step == self.total_steps:
            state.is_finished = True
        if not self.rows.validation and state.is_finished:
            self.best = self._copy()

    def validate(self, lower: LowerStates) -> float:
        """Return the mean loss per answer token of the validation rows."""
        import torch

        rows = self.rows.validation
        with torch.no_grad():
            parts = split_step(rows, range(len(rows)), self.batch_tokens)
            batches = (pack([rows[number] for number in part], part) for part in parts)
            total = sum(float(self.model.losses(batch, lower.of(batch)).sum()) for batch in batches)
        return total / sum(row.answer_tokens for row in rows)

    def _copy(self) -> dict[str, Any]:
        return {name: item.detach().clone() for name, item in self.parameters.items()}

    def _restore(self, values: dict[str, Any]) -> None:
        import torch

        with torch.no_grad():
            for name, item in self.parameters.items():
                item.copy_(values[name])
        self._hand_over()

    def _save(self) -> None:
        import torch

        tensors = {f"parameter.{name}": item for name, item in self.parameters.items()}
        tensors |= {f"best.{name}": item for name, item in self.best.items()}
        for name, item in self.parameters.items():
            tensors |= {f"optimizer.{key}.{name}": value for key, value in self.optimizer.state[item].items()}
        tensors["random"] = torch.get_rng_state()
        save_checkpoint(self.folder, self.state, tensors)

    def _resume(self) -> None:
        import torch

        found = load_checkpoint(self.folder, self.state.fingerprint)
        if found is None:
            return
        self.state, tensors = found
        self.total_steps = self.state.planned_steps or self.total_steps
        self._restore({name: tensors[f"parameter.{name}"] for name in self.parameters})
        self.best = {name: tensors[f"best.{name}"] for name in self.parameters if f"best.{name}" in tensors}
        for name, item in self.parameters.items():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                self.optimizer.state[item][key] = tensors[f"optimizer.{key}.{name}"].to(
                    "cpu" if key == "step" else item.device
                )
        torch.set_rng_state(tensors["random"])


def _recent(losses: Sequence[float]) -> float:
    last = losses[-10:]
    return sum(last) / len(last)


def _said(validation: Sequence[float]) -> str:
    return f", validation {validation[-1]:.3f}" if validation else ""
