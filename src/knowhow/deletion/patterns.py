"""Many byte patterns looked for at once: every position of the data is tested against a table of the patterns' first eight bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

SHORTEST = 8
_BITS = 20
_FACTOR = 0x9E3779B97F4A7C15
_BLOCK = 1 << 23


class PatternSet:
    """Finds which of its patterns occur in bytes; patterns of fewer than 8 bytes are too common to mean anything and are left out."""

    def __init__(self, patterns: Iterable[bytes]) -> None:
        import numpy as np

        self.patterns = sorted({pattern for pattern in patterns if len(pattern) >= SHORTEST})
        self.longest = max(map(len, self.patterns), default=0)
        self._by_start: dict[int, list[int]] = defaultdict(list)
        for number, pattern in enumerate(self.patterns):
            self._by_start[int.from_bytes(pattern[:SHORTEST], "little")].append(number)
        self._starts = np.array(sorted(self._by_start), dtype=np.uint64)
        self._table = np.zeros(1 << _BITS, dtype=bool)
        self._table[self._slots(self._starts)] = True

    def find(self, data: bytes) -> set[int]:
        """Return the numbers of the patterns that occur in `data`."""
        import numpy as np

        found: set[int] = set()
        if not self.patterns or len(data) < SHORTEST:
            return found
        for shift in range(SHORTEST):
            count = (len(data) - shift) // SHORTEST
            if count <= 0:
                break
            words = np.frombuffer(data, dtype="<u8", offset=shift, count=count)
            places = np.flatnonzero(self._table[self._slots(words)])
            places = places[np.isin(words[places], self._starts)]
            for place in places.tolist():
                self._compare(data, place * SHORTEST + shift, int(words[place]), found)
        return found

    def find_in_file(self, path: Path) -> set[int]:
        """Return the numbers of the patterns that occur in a file, read in overlapping blocks."""
        found: set[int] = set()
        for block in _overlapping_blocks(path, self.longest):
            found |= self.find(block)
        return found

    def _compare(self, data: bytes, position: int, start: int, found: set[int]) -> None:
        for number in self._by_start[start]:
            if number not in found and data.startswith(self.patterns[number], position):
                found.add(number)

    @staticmethod
    def _slots(words: Words) -> Words:
        import numpy as np

        return (words * np.uint64(_FACTOR)) >> np.uint64(64 - _BITS)


def _overlapping_blocks(path: Path, overlap: int) -> Iterator[bytes]:
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield tail + block
            tail = (tail + block)[-overlap:] if overlap else b""
