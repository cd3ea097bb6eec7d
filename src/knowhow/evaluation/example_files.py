"""The files that examples come in: JSON lines, CSV, OpenAI chat JSON lines and Hugging Face datasets directories, as rows with lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import DataError, NotFoundError
from knowhow.evaluation.dataset_directories import read_dataset


@dataclass(frozen=True, slots=True)
class Row:
    """One row as found: its line (from 1; the row number where a file has no lines) and its values, or what is wrong with it."""

    line: int
    values: Mapping[str, Any]
    problem: str = ""
    mend: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield every row of an examples file, broken ones with `problem` set; NotFoundError when it does not exist."""
    if not path.exists():
        raise NotFoundError(
            f"The examples {path} do not exist. Create the file (one JSON object with 'question' and 'answer' a line) "
            "or correct [examples] path."
        )
    if path.is_dir():
        return (Row(number, values) for number, values in enumerate(read_dataset(path), start=1))
    text = _read_text(path)
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _csv_rows(text, path)
    if path.suffix.lower() == ".json" and text.lstrip().startswith("["):
        return _array_rows(text, path)
    return _json_rows(text)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(
            "is not UTF-8 text.", source=str(path), line=line, mend="Save the file as UTF-8."
        ) from error


def _json_rows(text: str) -> Iterator[Row]:
    # Only \n ends a row: str.splitlines would also split at U+2028 inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            values = json.loads(content)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = (
                f"{error.msg} at column {error.colno}"
                if isinstance(error, json.JSONDecodeError)
                else "nested too deep"
            )
            yield Row(line, {}, f"is not valid JSON ({reason})", "Write one complete JSON object per line")
            continue
        yield _object_row(line, values)


def _array_rows(text: str, path: Path) -> Iterator[Row]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"is not valid JSON ({error.msg}).",
            source=str(path),
            line=error.lineno,
            mend="Mend that line, or write one JSON object per line into a .jsonl file.",
        ) from error
    for number, value in enumerate(values, start=1):
        yield _object_row(number, value)


def _object_row(line: int, values: Any) -> Row:
    if isinstance(values, dict):
        return Row(line, values)
    return Row(
        line,
        {},
        f"holds {type(values).__name__} instead of an object",
        'Write {"question": ..., "answer": ...}',
    )


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" or "\t" in text.split("\n", 1)[0] else ","
    first = text.split("\n", 1)[0]
    if delimiter == "," and first.count(";") > first.count(","):
        delimiter = ";"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # After a broken quotation the reader cannot know where the next row starts.
            yield Row(start, {}, f"is not valid CSV ({error})", "Double the quotation marks inside a cell")
            return
        line, start = start, reader.line_num + 1
        if not header:
            header = [name.strip() for name in cells]
        elif any(cell.strip() for cell in cells):
            yield _csv_row(line, header, cells)


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) > len(header):
        return Row(
            line,
            {},
            f"has {len(cells)} cells under {len(header)} headings",
            "Put quotation marks around cells that hold the separator",
        )
    values: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if cell.strip():
            values[name] = _cell_value(name, cell)
    return Row(line, values)


def _cell_value(name: str, cell: str) -> Any:
    # A cell cannot hold several values, so lists and objects stand in it as JSON.
    if name.casefold() in {
        "references",
        "answers",
        "outputs",
        "evidence",
        "meta",
        "groups",
    } and cell.lstrip()[:1] in {
        "[",
        "{",
    }:
        try:
            return json.loads(cell)
        except json.JSONDecodeError:
            return cell
    return cell
