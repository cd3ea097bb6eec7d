"""Hugging Face datasets directories: Arrow files as save_to_disk writes them, or Parquet files as they lie on the hub, read by pyarrow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from knowhow.errors import DataError, MissingDependencyError

_PART = re.compile(r"^(?P<split>.+?)(?:-\d+-of-\d+)?$")


def read_dataset(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a dataset, those of several splits with their `split`; class labels by name.

    DataError where the folder is no dataset or a file in it is damaged, MissingDependencyError without pyarrow.
    """
    if not (path / "dataset_dict.json").is_file() and not (path / "state.json").is_file():
        return _parquet_rows(path)
    splits = _read(path / "dataset_dict.json", "splits") if (path / "dataset_dict.json").is_file() else [""]
    return (
        {**({"split": split} if split else {}), **row}
        for split in splits
        for row in _arrow_rows(path / split)
    )


def _arrow_rows(folder: Path) -> Iterator[dict[str, Any]]:
    _check_pyarrow(folder)
    import pyarrow.ipc

    names = [item["filename"] for item in _read(folder / "state.json", "_data_files")]
    labels = _class_labels(folder / "dataset_info.json")
    for name in names:
        file = folder / name
        # The list of files comes from the dataset itself: it may only name files of its own folder.
        if file.parent != folder:
            raise DataError(
                f"names the file {name}, which lies elsewhere.", source=str(folder / "state.json")
            )

        def batches(file: Path = file) -> Iterator[Any]:
            with pyarrow.ipc.open_stream(str(file)) as reader:
                yield from reader

        yield from _rows(file, batches, labels)


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise DataError(
            "is a directory, but neither one written by datasets.save_to_disk nor one with Parquet files.",
            source=str(path),
            mend="Name the file itself, or save the dataset with save_to_disk.",
        )
    _check_pyarrow(path)
    import pyarrow.parquet

    for file in files:
        match = _PART.match(file.stem)
        split = match["split"] if match else file.stem

        def batches(file: Path = file) -> Iterator[Any]:
            with pyarrow.parquet.ParquetFile(str(file)) as reader:
                yield from reader.iter_batches()

        for row in _rows(file, batches, {}):
            yield {"split": split, **row} if split in ("train", "test", "validation", "dev") else row


def _rows(
    file: Path, batches: Callable[[], Iterator[Any]], labels: Mapping[str, list[str]]
) -> Iterator[dict[str, Any]]:
    import pyarrow

    try:
        for batch in batches():
            for row in batch.to_pylist():
                yield {name: _named(value, labels.get(name)) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"cannot be read ({error}).", source=str(file), mend="Save the dataset again with save_to_disk."
        ) from error


def _named(value: Any, names: list[str] | None) -> Any:
    return names[value] if names and isinstance(value, int) and 0 <= value < len(names) else value


def _class_labels(path: Path) -> dict[str, list[str]]:
    if not path.is_file():
        return {}
    features = _read(path, "features") or {}
    return {
        name: list(feature["names"])
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }


def _read(path: Path, key: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"does not describe a dataset ({error}).",
            source=str(path),
            mend="Save the dataset again with save_to_disk.",
        ) from error


def _check_pyarrow(path: Path) -> None:
    """Raise MissingDependencyError, with the line that installs it, where pyarrow is absent."""
    try:
        import pyarrow  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingDependencyError.extra(
            f"Reading the Hugging Face datasets directory {path}", "datasets"
        ) from error
