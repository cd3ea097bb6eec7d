"""Which rows an asker may read: documents share few distinct sets of groups (audiences), so a mask is one table look-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Readable:
    """The rows that one set of groups may read; `mask` has one entry per row, `rows` lists the readable ones upwards."""

    mask: NDArray[np.bool_]
    rows: NDArray[np.intp]
    is_everything: bool

    @property
    def count(self) -> int:
        """Number of readable rows."""
        return len(self.rows)


def readable_audiences(audiences: Mapping[int, frozenset[str]], groups: frozenset[str]) -> frozenset[int]:
    """Return the audiences that an asker with `groups` belongs to: the empty one, and those that share a group."""
    return frozenset(number for number, allowed in audiences.items() if not allowed or allowed & groups)


def make_readable(
    row_audiences: NDArray[np.int32], is_live: NDArray[np.bool_], readable: frozenset[int]
) -> Readable:
    """Return the live rows whose audience is among `readable`."""
    table = np.zeros(int(row_audiences.max(initial=0)) + 1, dtype=np.bool_)
    for number in readable:
        if number < len(table):
            table[number] = True
    mask = table[row_audiences] & is_live if len(row_audiences) else np.zeros(0, dtype=np.bool_)
    rows = np.flatnonzero(mask)
    return Readable(mask, rows, len(rows) == len(mask))
