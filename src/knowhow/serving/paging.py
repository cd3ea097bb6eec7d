"""Long lists cut into pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of how many is shown, and how many items there are in all."""

    place: int
    pages: int
    total: int


def cut_page(items: Sequence[Item], place: int, size: int) -> tuple[Sequence[Item], Paging]:
    """Return the items of page `place` (from 1; an impossible one becomes the nearest) and where it stands."""
    pages = max(1, -(-len(items) // size))
    place = min(max(place, 1), pages)
    return items[(place - 1) * size : place * size], Paging(place, pages, len(items))
