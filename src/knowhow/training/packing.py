"""Batches without padding: rows stand one after another, share their common beginning once, and attend only to themselves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.training.tokens import EncodedRow


@dataclass(frozen=True, slots=True)
class Layout:
    """A packed batch: `prefix` shared tokens first, then the rows' own tokens, `lengths` long each."""

    prefix: int
    lengths: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens that are computed."""
        return self.prefix + sum(self.lengths)


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """`ids` and `positions` of all tokens; hidden states at `sources` predict `targets`."""

    layout: Layout
    ids: tuple[int, ...]
    positions: tuple[int, ...]
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    rows: tuple[int, ...]


def pack(rows: Sequence[EncodedRow], numbers: Sequence[int], shares_prefix: bool = True) -> PackedBatch:
    """Pack `rows` (known to the caller by `numbers`) into one sequence; exact, whatever the rows have in common."""
    prefix = common_prefix(rows) if shares_prefix and len(rows) > 1 else 0
    ids: list[int] = list(rows[0].ids[:prefix])
    positions: list[int] = list(range(prefix))
    sources: list[int] = []
    targets: list[int] = []
    for row in rows:
        start = len(ids) - prefix
        ids += row.ids[prefix:]
        positions += range(prefix, len(row.ids))
        sources += range(start + row.answer_start - 1, start + len(row.ids) - 1)
        targets += row.ids[row.answer_start :]
    layout = Layout(prefix, tuple(len(row.ids) - prefix for row in rows))
    return PackedBatch(layout, tuple(ids), tuple(positions), tuple(sources), tuple(targets), tuple(numbers))


def common_prefix(rows: Sequence[EncodedRow]) -> int:
    """Return how many leading tokens all rows share, short of the token that predicts the first answer token."""
    limit = min(row.answer_start for row in rows) - 1
    first, last = min(row.ids for row in rows), max(row.ids for row in rows)
    length = 0
    while length < limit and first[length] == last[length]:
        length += 1
    return max(length, 0)


def plan_steps(rows: Sequence[EncodedRow], batch_examples: int, epoch: int, seed: int) -> list[list[int]]:
    """Return the row numbers of each optimizer step of an epoch, in an order that seed and epoch alone decide."""
    order = list(range(len(rows)))
    random.Random(f"steps:{seed}:{epoch}").shuffle(order)
    return [order[start : start + batch_examples] for start in range(0, len(order), batch_examples)]


def split_step(rows: Sequence[EncodedRow], numbers: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Split a step into micro-batches of at most `batch_tokens` (a longer row stands alone), rows of like length together."""
    parts: list[list[int]] = []
    size = 0
    for number in sorted(numbers, key=lambda item: (len(rows[item].ids), item)):
        length = len(rows[number].ids)
        if not parts or size + length > batch_tokens:
            parts.append([])
            size = 0
        parts[-1].append(number)
        size += length
    return parts
