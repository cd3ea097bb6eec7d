"""Ruled tables on a PDF page: found by their lines, read row by row, set into the text where they stand."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from knowhow.corpus.rows import table_lines
from knowhow.language import words

_MIN_PATHS = 6
_MIN_KEPT = 0.98


class TablePages:
    """Opens the PDF a second time, and only when a page with enough ruled lines turns up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._document: Any = None

    def read(self, page: Any, number: int, plain: str, read_box: Callable[..., str]) -> str:
        """Return the text of page `number` (from 0) with its tables as rows; `plain` when it has none or words would get lost.

        `read_box` returns the text between two heights, measured from the top of the page.
        """
        if not has_rules(page):
            return plain
        tables = [
            (table.bbox, rows) for table in self._find(number) if (rows := _rows(table)) and len(rows[0]) > 1
        ]
        pieces, top = [], 0.0
        for (_, upper, _, lower), rows in sorted(tables, key=lambda item: item[0][1]):
            if upper < top:
                return plain
            pieces += [read_box(top, upper), "\n".join(table_lines(rows))]
            top = lower
        if not pieces:
            return plain
        text = "\n".join(
            piece.strip() for piece in [*pieces, read_box(top, page.get_height())] if piece.strip()
        )
        return text if _keeps_words(plain, text) else plain

    def close(self) -> None:
        """Release the second opening."""
        if self._document is not None:
            self._document.close()

    def _find(self, number: int) -> Iterator[Any]:
        import pdfplumber

        if self._document is None:
            self._document = pdfplumber.open(io.BytesIO(self._data))
        page = self._document.pages[number]
        try:
            yield from page.find_tables()
        finally:
            page.close()


def has_rules(page: Any) -> bool:
    """Say whether a pdfium page draws enough lines or boxes to hold a ruled table."""
    import pypdfium2.raw as pdfium

    paths = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=3)
    return sum(1 for _ in islice(paths, _MIN_PATHS)) == _MIN_PATHS


def _rows(table: Any) -> list[list[str]]:
    rows = [[cell or "" for cell in row] for row in table.extract()]
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return filled if len(filled) > 1 and sum(bool(cell.strip()) for row in filled for cell in row) > 2 else []


def _keeps_words(plain: str, text: str) -> bool:
    wanted, found = Counter(words(plain)), Counter(words(text))
    return (wanted & found).total() >= _MIN_KEPT * wanted.total()
