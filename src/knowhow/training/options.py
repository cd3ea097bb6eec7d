"""[training]: three knobs for people – goal, effort, base model – and the rest with its reason beside the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from knowhow.errors import ConfigError

Goal = Literal["style", "knowledge", "both"]
Effort = Literal["quick", "standard", "thorough"]

EPOCHS: dict[str, float] = {"quick": 2.0, "standard": 3.0, "thorough": 5.0}
ROWS: dict[str, int] = {"quick": 96, "standard": 400, "thorough": 1_000_000}
SEEDS: dict[str, int] = {"quick": 1, "standard": 3, "thorough": 5}
"""Adapters trained per strategy: the spread between seeds enters the intervals, and two of them could show nothing (t is 12.7)."""


@dataclass(frozen=True)
class TrainingOptions:
    """How an adapter is trained; 0 or an empty value means that goal, effort or the machine decide."""

    goal: Goal = "style"
    """style adapts the upper half of the layers at half the cost per step; knowledge and both adapt all of them."""
    effort: Effort = "quick"
    base_model: str = ""
    """Name or directory of the base model; empty: the configured generator's own."""
    max_rows: int = 0
    """Rows to learn from, drawn evenly by digest; 0: by effort. Form is learned from some dozens, and minutes count on a laptop."""
    epochs: float = 0.0
    learning_rate: float = 0.0
    """0: 2e-3 for the upper half of the layers, 1e-3 for more of them; half as many layers need about twice the rate (measured)."""
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    """0 keeps activations below the first adapted layer reusable between epochs; adapters this small hardly overfit."""
    modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """All linear layers: attention alone learned the form more slowly for the same cost."""
    layers: float = 0.0
    """Share of layers, from the top, that carry an adapter (0: by goal); below there is no backward pass, and one forward pass in all."""
    batch_examples: int = 8
    """Examples per optimizer step; gradients of its micro-batches are summed before the step."""
    batch_tokens: int = 0
    """Tokens per micro-batch; 0: 768 on a CPU (memory below 3 GB), found by trial on a GPU."""
    shares_prefix: bool = True
    """Compute the beginning that all rows of a micro-batch share (the system turn) once; exact."""
    window_tokens: int = 2048
    """Rows longer than this are refused by name rather than cut, because a cut row loses its answer or its evidence."""
    warmup: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    validation: float = 0.1
    """Share of examples kept for early stopping; fewer than 20 rows train without it."""
    patience: int = 1
    """Epochs without a lower validation loss before training stops; the best adapter is kept."""
    precision: Literal["", "fp32", "bf16"] = ""
    quantization: Literal["", "nf4"] = ""
    threads: int = 0
    """Fixed, because another number of threads sums in another order and gives other last bits; 0: the cores, at most 8."""
    max_seconds: float = 0.0
    """Time that an adapter may take; steps that would not fit are left out and the rate still falls to nought. 0: no limit.
    A comparison with a budget sets it. What is learned then depends on the speed of the machine, and the manifest says so."""
    checkpoint_seconds: float = 30.0
    groups: tuple[str, ...] = ()
    """Groups whose documents and examples training may use. What is learned then serves only those who may read all of it."""
    activations_megabytes: int = 512
    """Memory for activations below the first adapted layer; what does not fit is computed again each epoch."""

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        positive = ("rank", "alpha", "batch_examples", "window_tokens", "clip_norm")
        for name in positive:
            if getattr(self, name) <= 0:
                raise ConfigError(f"[training] {name} must be greater than 0, not {getattr(self, name)}.")
        for name in ("layers", "dropout", "warmup", "validation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"[training] {name} must lie between 0 and 1, not {getattr(self, name)}.")
        for name in ("epochs", "learning_rate", "max_seconds"):
            if getattr(self, name) < 0:
                raise ConfigError(f"[training] {name} must not be negative, not {getattr(self, name)}.")

    def resolve(self) -> TrainingOptions:
        """Return the options with goal and effort worked into epochs, layers and learning rate."""
        layers = self.layers or (0.5 if self.goal == "style" else 1.0)
        rate = self.learning_rate or (2e-3 if layers <= 0.5 else 1e-3)
        return replace(
            self,
            max_rows=self.max_rows or ROWS[self.effort],
            epochs=self.epochs or EPOCHS[self.effort],
            layers=layers,
            learning_rate=rate,
        )

    def describe(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {key: list(item) if isinstance(item, tuple) else item for key, item in asdict(self).items()}
