"""GGUF files: the whole header is checked against the file's size before a byte of it is believed.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCALARS: Mapping[int, struct.Struct] = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_MAX_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor's place: `shape` in GGUF's order (fastest axis first), `kind` ggml's type number, `offset` in the file."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of itself; `kinds` keeps each key's value type (and element type) for writing it again."""

    path: Path
    metadata: Mapping[str, Any]
    kinds: Mapping[str, tuple[int, int | None]]
    tensors: tuple[TensorEntry, ...]


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of a GGUF file; DataError when it is not sound, before any engine is given the file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data).read()
    except FileNotFoundError:
        raise DataError("does not exist.", source=str(path), mend="Correct the path of the model.") from None
    except (struct.error, UnicodeDecodeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise DataError(
            f"is not a sound GGUF file ({error}).", source=str(path), mend="Fetch or copy the file again."
        ) from error


def read_tensor(header: GgufHeader, entry: TensorEntry) -> NDArray[Any]:
    """Return a tensor as float32 in row-major order (slowest axis first), dequantised."""
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    raw = np.memmap(header.path, dtype=np.uint8, mode="r", offset=entry.offset, shape=(entry.bytes,))
    kind = GGMLQuantizationType(entry.kind)
    shape = tuple(reversed(entry.shape))
    if kind == GGMLQuantizationType.F32:
        return np.frombuffer(raw, dtype="<f4").reshape(shape)
    rows = raw.reshape(*shape[:-1], -1)
    return np.asarray(quants.dequantize(rows, kind), dtype=np.float32).reshape(shape)


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.place = path, data, 0

    def read(self) -> GgufHeader:
        if self._take(4) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        if (version := self._number(4)) not in (2, 3):
            raise ValueError(f"version {version} is not 2 or 3")
        tensors, entries = self._count(), self._count()
        metadata: dict[str, Any] = {}
        kinds: dict[str, tuple[int, int | None]] = {}
        for _ in range(entries):
            key = self._text()
            if key in metadata:
                raise ValueError(f"the key {key} occurs twice")
            metadata[key], kinds[key] = self._value()
        found = [self._tensor() for _ in range(tensors)]
        alignment = int(metadata.get("general.alignment", 32))
        if alignment <= 0 or alignment & (alignment - 1):
            raise ValueError(f"alignment {alignment} is no power of two")
        start = -(-self.place // alignment) * alignment
        placed = [
            TensorEntry(name, shape, kind, start + offset, length)
            for name, shape, kind, offset, length in found
        ]
        for entry in placed:
            if entry.offset % alignment or entry.offset + entry.bytes > len(self.data):
                raise ValueError(f"tensor {entry.name} lies outside the file")
        ordered = sorted(placed, key=lambda entry: entry.offset)
        if any(one.offset + one.bytes > other.offset for one, other in pairwise(ordered)):
            raise ValueError("two tensors overlap")
        if len({entry.name for entry in placed}) != len(placed):
            raise ValueError("a tensor occurs twice")
        return GgufHeader(self.path, metadata, kinds, tuple(placed))

    def _tensor(self) -> tuple[str, tuple[int, ...], int, int, int]:
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        name, axes = self._text(), self._number(4)
        if not 1 <= axes <= 4:
            raise ValueError(f"tensor {name} has {axes} axes")
        shape = tuple(self._number(10) for _ in range(axes))
        kind, offset = self._number(4), self._number(10)
        block, width = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        count = 1
        for extent in shape:
            count *= extent
        if shape[0] % block or count <= 0 or count > 1 << 48:
            raise ValueError(f"tensor {name} has an impossible shape")
        return name, shape, kind, offset, count // block * width

    def _value(self) -> tuple[Any, tuple[int, int | None]]:
        kind = self._number(4)
        if kind == _STRING:
            return self._text(), (kind, None)
        if kind != _ARRAY:
            return self._number(kind), (kind, None)
        inner, count = self._number(4), self._number(10)
        if inner == _STRING:
            self._check_room(count * 8)
            return [self._text() for _ in range(count)], (kind, inner)
        form = _SCALARS[inner]
        values = struct.unpack(f"<{count}{form.format[1]}", self._take(count * form.size))
        return list(values), (kind, inner)

    def _count(self) -> int:
        if (count := self._number(10)) > _MAX_ENTRIES:
            raise ValueError(f"it claims {count} entries")
        return int(count)

    def _number(self, kind: int) -> Any:
        form = _SCALARS[kind]
        return form.unpack(self._take(form.size))[0]

    def _text(self) -> str:
        return self._take(self._number(10)).decode("utf-8")

    def _take(self, length: int) -> bytes:
        self._check_room(length)
        begin, self.place = self.place, self.place + length
        return self.data[begin : self.place]

    def _check_room(self, length: int) -> None:
        if length > len(self.data) - self.place:
            raise ValueError("it ends in the middle of its header")
