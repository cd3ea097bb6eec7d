"""Delimited tables: comma, semicolon, tab or bar, in any encoding."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.encoding import decode
from knowhow.corpus.rows import table_lines
from knowhow.registry import register

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50


@register("loader", "csv")
@dataclass(frozen=True)
class CsvLoader:
    """Reads a delimited table as one line per row."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the whole table as one document; LoadError when a quote is never closed."""
        text = decode(data).removeprefix("\ufeff")
        # The limit belongs to the whole process, so it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=find_delimiter(text))
        try:
            lines = list(table_lines(reader))
        except csv.Error as error:
            raise LoadError(
                f"Line {reader.line_num} is not valid CSV: {error}.", mend="Mend that line."
            ) from error
        return Loaded((Content((Part("\n".join(lines)),)),))


def find_delimiter(text: str) -> str:
    """Return the delimiter that gives the most rows of one equal width above 1; comma when none does."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter)
        try:
            widths = [len(row) for row, _ in zip(reader, range(_SAMPLE_ROWS), strict=False) if row]
        except csv.Error:
            continue
        common = max(set(widths), key=widths.count, default=1)
        score = widths.count(common) / len(widths) * min(common, 10) if common > 1 else 0.0
        if score > best_score:
            best, best_score = delimiter, score
    return best
