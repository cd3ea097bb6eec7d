"""From rows to an adapter with its manifest: what the strategies that train have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from knowhow.errors import DataError
from knowhow.generation.prompts import PromptStyle, make_style
from knowhow.protocols import Components
from knowhow.storage import digest
from knowhow.training.adapters import write_manifest
from knowhow.training.rows import TrainingRow, is_permitted, write_rows

ROWS, ADAPTER = "rows.jsonl", "adapter"


def training_style(components: Components, *, is_grounded: bool = True, quotes: bool = False) -> PromptStyle:
    """Return the style that rows are rendered in: the one that the pipeline will ask in."""
    answering = components.answering
    return make_style(
        answering, components.format, answering.language, is_grounded=is_grounded, quotes=quotes
    )


def fit_adapter(
    strategy: str, rows: Sequence[TrainingRow], components: Components, out: Path, seed: int
) -> Path:
    """Train on `rows` and leave rows.jsonl and adapter/ with its manifest in `out`; the trainer keeps what is already done."""
    trainer = components.trainer()
    rows = select_rows(rows, trainer.row_limit, components.training_groups)
    if not rows:
        raise DataError(
            f"There is nothing to train '{strategy}' on: no example that everyone may read has an answer whose evidence was retrieved.",
            mend="Add answers and evidence to the examples, raise [retrieval] k, or name groups in [training] groups.",
        )
    write_rows(out / ROWS, rows)
    adapter = out / ADAPTER
    trainer.train([row.conversation for row in rows], adapter, seed=seed)
    write_manifest(adapter, strategy, rows)
    return adapter


def select_rows(
    rows: Sequence[TrainingRow], limit: int, groups: frozenset[str] = frozenset()
) -> list[TrainingRow]:
    """Return the rows that `groups` may read, at most `limit` of those made from examples, chosen by digest, in their order.

    What an adapter learned from a restricted document its users could ask it for, so rows that others may read only are left out.
    """
    readable = [row for row in rows if is_permitted(row.groups, groups)]
    made = [row for row in readable if row.examples]
    chosen = {id(row) for row in sorted(made, key=lambda row: digest(" ".join(row.examples)))[:limit]}
    return [row for row in readable if not row.examples or id(row) in chosen]
