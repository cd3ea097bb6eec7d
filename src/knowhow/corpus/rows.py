"""Tables as readable lines: `Header: value; Header: value` per row, so that a row says by itself what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from knowhow.corpus.normalization import clean_line

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[\d.,\s]*\d[\d.,]*\s?[%)]?|\d{1,4}[-/.:]\d{1,2}([-/.:]\d{1,4})?.*")
_MAX_HEADER = 120


def table_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield one line per row; a first row that looks like a header is said once and then with every value."""
    cleaned = (cells for row in rows if any(cells := [clean_line(cell) for cell in row]))
    first = next(cleaned, None)
    if first is None:
        return
    header = first if is_header(first) else None
    yield " | ".join(cell for cell in first if cell)
    for cells in cleaned:
        yield _row_line(header, cells)


def is_header(cells: Sequence[str]) -> bool:
    """Say whether a row reads like column names: several, all different, short, none a number, a date or a label."""
    names = [cell for cell in cells if cell]
    return (
        len(names) >= 2
        and len(names) * 4 >= len(cells) * 3
        and len(set(names)) == len(names)
        and all(
            len(name) <= _MAX_HEADER and name[-1] not in ":：" and not _NUMBER.fullmatch(name)
            for name in names
        )
    )


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table whose first row is the head; bars inside cells are escaped."""
    width = max((len(row) for row in rows), default=0)
    lines = [
        "| "
        + " | ".join([clean_line(cell).replace("|", "\\|") for cell in row] + [""] * (width - len(row)))
        + " |"
        for row in rows
        if any(cell.strip() for cell in row)
    ]
    if lines:
        lines.insert(1, "|" + " - |" * width)
    return "\n".join(lines)


def _row_line(header: Sequence[str] | None, cells: Sequence[str]) -> str:
    if header is None:
        return " | ".join(cell for cell in cells if cell)
    pairs = [
        f"{header[column]}: {cell}" if column < len(header) and header[column] else cell
        for column, cell in enumerate(cells)
        if cell
    ]
    return "; ".join(pairs)
