"""The verb audit memory: what a trained strategy gives away of its rows, kept beside what it learned and asked for at release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from knowhow.config import Settings, describe_settings
from knowhow.errors import ConfigError, DataError
from knowhow.evaluation.arms import ExperimentPlan
from knowhow.evaluation.splits import split_examples
from knowhow.privacy.recognisers import find_personal_data
from knowhow.protocols import Components, Strategy
from knowhow.storage import digest_json, read_json, write_json
from knowhow.training.fitting import ADAPTER, ROWS, training_style
from knowhow.training.job import discard
from knowhow.training.memorisation.audit import AuditPlan, MemoryAudit, audit_memory
from knowhow.training.rows import TrainingRow, read_rows
from knowhow.training.trainers.lora import LoraTrainer
from knowhow.types import Example, Gate
from knowhow.workspace.comparison import ComparisonOptions, plan_comparison
from knowhow.workspace.fitted import find_fitted
from knowhow.workspace.personal_data import masking_of


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """How much is planted and probed: canaries of each of five kinds, references each is ranked among, rows, and the control."""

    per_kind: int = 8
    references: int = 128
    rows: int = 48
    has_control: bool = True
    seed: int = 0


def audit_strategy(
    settings: Settings, name: str, options: MemoryOptions | None = None
) -> tuple[MemoryAudit, Path]:
    """Audit what a strategy learned last; return the findings and the file they are kept in. ConfigError where it trains no adapter."""
    chosen = options or MemoryOptions()
    plan, components = plan_comparison(settings, ComparisonOptions(strategies=(name,)))
    try:
        strategy = plan.arms[0].strategy
        fitted = find_fitted(settings, name, strategy, components)
        if not (fitted / ROWS).is_file() or not (fitted / ADAPTER).is_dir():
            raise ConfigError(
                f"The strategy '{name}' trains no adapter. Audit raft, finetuned_rag or finetuned."
            )
        rows = read_rows(fitted / ROWS)
        others = _unseen_rows(plan, strategy, components, 2 * chosen.rows)
        trainer, style = components.trainer(), training_style(components, is_grounded=False)
    finally:
        components.close()
    if not isinstance(trainer, LoraTrainer):
        raise ConfigError(f"The trainer of '{name}' is not LoRA, which the audit knows alone.")
    key = digest_json([fitted.name, asdict(chosen), describe_settings(settings)["privacy"]])[:16]
    work = settings.state / "cache" / "memory" / key
    found = audit_memory(
        AuditPlan(
            strategy=name,
            adapter=fitted / ADAPTER,
            rows=rows,
            others=others,
            trainer=trainer,
            style=style,
            mask=masking_of(settings),
            personal=personal_kinds(rows),
            work=work,
            per_kind=chosen.per_kind,
            references=chosen.references,
            probed_rows=chosen.rows,
            control_per_kind=2 if chosen.has_control else 0,
            seed=chosen.seed,
        )
    )
    path = audit_path(settings, fitted.name)
    write_json(path, asdict(found))
    # What was trained on planted secrets is of no further use.
    discard(work)
    return found, path


def audit_path(settings: Settings, folder: str) -> Path:
    """Return where the audit of a fitted folder is kept: beside it, because the folder holds what `load` reads and nothing else."""
    return settings.state / "cache" / "fitted" / f"{folder}.memory.json"


def memory_gates(settings: Settings, folder: str) -> tuple[Gate, ...]:
    """Return the gates of the kept audit; without one, a closed gate where the rows hold personal data, else none."""
    path = audit_path(settings, folder)
    if path.is_file():
        return tuple(Gate(**gate) for gate in read_json(path)["gates"])
    rows = settings.state / "cache" / "fitted" / folder / ROWS
    kinds = personal_kinds(read_rows(rows)) if rows.is_file() else ()
    if not kinds:
        return ()
    return (
        Gate(
            "memory_audit",
            False,
            f"It was trained on answers that hold personal data ({', '.join(kinds)}), and nobody checked what it gives away.",
            "Run knowhow audit memory, or set [privacy] mode = 'mask' and train again.",
        ),
    )


def personal_kinds(rows: Sequence[TrainingRow]) -> tuple[str, ...]:
    """Return the kinds of personal data in what rows teach to say."""
    found = {item.kind for row in rows for item in find_personal_data(row.conversation[-1].content)}
    return tuple(sorted(found))


def _unseen_rows(
    plan: ExperimentPlan, strategy: Strategy, components: Components, limit: int
) -> list[TrainingRow]:
    """Rows made from held-out examples exactly as training rows are: what the adapter has not seen."""
    held_out = set(split_examples(plan.examples, plan.held_out).held_out)
    examples: list[Example] = [
        replace(example, split="") for example in plan.examples if example.id in held_out
    ]
    build = getattr(strategy, "rows", None)
    if build is None:
        return []
    try:
        rows: list[TrainingRow] = build(examples[:limit], components)
    except DataError:
        # Too few held-out examples to make rows from: then membership cannot be told, and the audit says so.
        return []
    return [row for row in rows if row.examples]
