"""Workbooks: each visible sheet under a heading with its name, each row as a readable line."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.archive import open_archive
from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.normalization import clean_line
from knowhow.corpus.rows import markdown_table, table_lines
from knowhow.registry import register

_MAX_EMPTY_ROWS = 10_000


@register("loader", "xlsx")
@dataclass(frozen=True)
class XlsxLoader:
    """Reads the visible sheets of a workbook with the values that were last computed; hidden sheets are left out."""

    suffixes: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm")
    version: ClassVar[int] = 2

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the workbook; LoadError when it is encrypted, malformed or hostile."""
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        open_archive(data, ".xlsx").close()
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), data_only=True, rich_text=False)
        except (InvalidFileException, KeyError, ValueError, TypeError) as error:
            raise LoadError(
                f"The workbook is malformed ({error}).",
                mend="Open it in the program that made it and save it again.",
                kind="malformed",
            ) from error
        parts = [
            Part(f"# {clean_line(sheet.title)}\n\n{text}")
            for sheet in [*book.worksheets, *book.chartsheets]
            if sheet.sheet_state == "visible" and (text := "\n\n".join(_sheet(sheet)))
        ]
        return Loaded((Content(tuple(parts), title=book.properties.title or "", is_markdown=True),))


def _sheet(sheet: Any) -> Iterator[str]:
    if hasattr(sheet, "iter_rows"):
        for block in _blocks(sheet):
            yield "\n".join(_escape(line) for line in table_lines(block))
    for chart in getattr(sheet, "_charts", ()):
        yield from _chart(chart)


def _escape(line: str) -> str:
    return f"\\{line}" if line.startswith("#") else line


def _blocks(sheet: Any) -> Iterator[list[list[str]]]:
    """Yield the stretches of rows between empty rows: each may be a table with a header of its own."""
    block: list[list[str]] = []
    empty = 0
    for row in sheet.iter_rows(values_only=True):
        cells = [_cell(value) for value in row]
        if any(cells):
            block.append(cells)
            empty = 0
            continue
        empty += 1
        if block:
            yield _trim(block)
            block = []
        if empty > _MAX_EMPTY_ROWS:
            return
    if block:
        yield _trim(block)


def _trim(block: list[list[str]]) -> list[list[str]]:
    """Drop the columns that are empty throughout the block."""
    width = max(map(len, block))
    used = [column for column in range(width) if any(column < len(row) and row[column] for row in block)]
    return [[row[column] if column < len(row) else "" for column in used] for row in block]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
    return clean_line(str(value))


def _chart(chart: Any) -> Iterator[str]:
    title = getattr(chart, "title", None)
    if title is not None and title.tx is not None and title.tx.rich is not None:
        runs = [run.t for paragraph in title.tx.rich.p for run in paragraph.r or ()]
        yield clean_line("".join(runs))
    series = list(getattr(chart, "series", ()))
    categories = next((points for one in series if (points := _points(one.cat))), [])
    columns = [_points(one.val) for one in series]
    if any(columns):
        rows = [["", *(_series_name(one) for one in series)]]
        for number in range(max(map(len, columns))):
            label = categories[number] if number < len(categories) else ""
            rows.append([label, *(column[number] if number < len(column) else "" for column in columns)])
        yield markdown_table(rows)


def _series_name(series: Any) -> str:
    title = series.tx
    if title is None:
        return ""
    if title.v:
        return clean_line(title.v)
    cache = title.strRef.strCache if title.strRef is not None else None
    return " ".join(clean_line(str(point.v)) for point in cache.pt) if cache is not None else ""


def _points(source: Any) -> list[str]:
    for kind in ("strRef", "numRef"):
        reference = getattr(source, kind, None)
        cache = getattr(reference, "strCache", None) or getattr(reference, "numCache", None)
        if cache is not None:
            return [clean_line(str(point.v)).removesuffix(".0") for point in cache.pt]
    return []
