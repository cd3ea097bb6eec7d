"""safetensors files without torch: the header is checked against the file before a byte of it is believed."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

_MAX_HEADER = 100_000_000
_TYPES: Mapping[str, tuple[str, int]] = {
    "F64": ("<f8", 8),
    "F32": ("<f4", 4),
    "F16": ("<f2", 2),
    "BF16": ("<u2", 2),
    "I64": ("<i8", 8),
    "I32": ("<i4", 4),
    "I16": ("<i2", 2),
    "I8": ("i1", 1),
    "U8": ("u1", 1),
    "BOOL": ("?", 1),
}


def check_tensors(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file; DataError unless every tensor lies inside the file in its stated size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER, size - 8):
            raise _broken(path, "its header length is impossible")
        try:
            header = json.loads(file.read(length))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            raise _broken(path, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise _broken(path, "its header is no table")
    for name, entry in header.items():
        if name != "__metadata__" and not _is_sound(entry, size - 8 - length):
            raise _broken(path, f"the entry of tensor '{name}' does not fit the file")
    return {"offset": 8 + length, "tensors": {k: v for k, v in header.items() if k != "__metadata__"}}


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors by name, memory-mapped and read-only; bfloat16 is widened to float32 in memory."""
    import numpy as np

    header = check_tensors(path)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=header["offset"])
    found: dict[str, Array] = {}
    for name, entry in header["tensors"].items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[begin:end], dtype=_TYPES[entry["dtype"]][0]).reshape(entry["shape"])
        found[name] = _widen(array) if entry["dtype"] == "BF16" else array
    return found


def write_tensors(
    path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors (float32, float16 or integers) in the order of their names; not atomic: write beside and rename."""
    import numpy as np

    kinds = {np.dtype(kind): name for name, (kind, _) in _TYPES.items() if name != "BF16"}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name in sorted(tensors):
        array = tensors[name]
        header[name] = {
            "dtype": kinds[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(np.ascontiguousarray(tensors[name]).data)
        file.flush()
        os.fsync(file.fileno())


def _widen(array: NDArray[np.uint16]) -> Array:
    import numpy as np

    return (array.astype(np.uint32) << 16).view(np.float32)


def _is_sound(entry: Any, room: int) -> bool:
    try:
        width = _TYPES[entry["dtype"]][1]
        begin, end = entry["data_offsets"]
        count = 1
        for extent in entry["shape"]:
            if type(extent) is not int or extent < 0:
                return False
            count *= extent
        return (
            type(begin) is int
            and type(end) is int
            and 0 <= begin <= end <= room
            and end - begin == count * width
        )
    except (KeyError, TypeError, ValueError):
        return False


def _broken(path: Path, reason: str) -> DataError:
    return DataError(
        f"is not a sound safetensors file: {reason}.", source=str(path), mend="Fetch or copy the file again."
    )
