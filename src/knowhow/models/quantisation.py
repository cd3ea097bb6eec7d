"""Rewrite a GGUF file with other weight types, so that an engine gets the form its kernels are fastest with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from knowhow.models.gguf_file import read_header, read_tensor

Kind = Literal["q8_0", "q4_0", "f16", "bf16"]
_FILE_TYPES = {"f16": 1, "q4_0": 2, "q8_0": 7, "bf16": 32}
"""llama.cpp's number of each kind for `general.file_type`."""


def requantise(
    source: Path, target: Path, kind: Kind, change: Callable[[str, Any], Any] | None = None
) -> None:
    """Write the GGUF `source` to `target` with every matrix as `kind`; vectors and matrices of that kind stay as they are.

    `change` receives the name and float32 values of each matrix and returns what is written instead.
    """
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter, quants

    header = read_header(source)
    wanted = GGMLQuantizationType[kind.upper()]
    writer = GGUFWriter(str(target), str(header.metadata["general.architecture"]))
    for key, value in header.metadata.items():
        if key == "general.architecture":
            continue
        outer, inner = header.kinds[key]
        chosen = _FILE_TYPES[kind] if key == "general.file_type" else value
        writer.add_key_value(
            key, chosen, GGUFValueType(outer), None if inner is None else GGUFValueType(inner)
        )
    for entry in header.tensors:
        # Embeddings are looked up, not multiplied, in half of their uses: coarse ones would cost quality for no speed.
        keeps = len(entry.shape) == 1 or (
            entry.name == "token_embd.weight" and entry.kind == GGMLQuantizationType.Q8_0
        )
        array = read_tensor(header, entry)
        if len(entry.shape) == 1:
            writer.add_tensor(entry.name, np.asarray(array, dtype=np.float32))
            continue
        used = GGMLQuantizationType.Q8_0 if keeps and kind == "q4_0" else wanted
        if change is not None:
            array = change(entry.name, array)
        data = array.astype(np.float16) if used == GGMLQuantizationType.F16 else quants.quantize(array, used)
        writer.add_tensor(entry.name, data, raw_dtype=used)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
