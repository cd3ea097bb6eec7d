"""HTML tables made plain: layout tables become blocks, spans are repeated so that every row says all of its values."""

from __future__ import annotations

from typing import Any

from knowhow.corpus.normalization import strip_controls

_BLOCKS = "p | .//ul | .//ol | .//h1 | .//h2 | .//h3 | .//h4 | .//h5 | .//h6 | .//pre | .//blockquote"
_LONG_CELL = 600
_MAX_SPAN = 100
_MAX_CHARACTERS = 2_000_000


def tidy_tables(tree: Any) -> None:
    """Turn every table of the tree into a plain grid, or into blocks where it only arranges the page."""
    for table in reversed(list(tree.iter("table"))):
        if _is_layout(table):
            _dissolve(table)
        else:
            _fill_grid(table)


def _is_layout(table: Any) -> bool:
    """Say whether a table arranges running text: nested tables, very long cells, or a single cell."""
    if table.find(".//table") is not None:
        return True
    cells = list(table.iter("td", "th"))
    if len(cells) <= 1:
        return True
    longest = max(len(cell.text_content()) for cell in cells)
    return longest > _LONG_CELL and any(len(cell.xpath(f".//{_BLOCKS} | .//br")) > 2 for cell in cells)


def _dissolve(table: Any) -> None:
    for element in list(table.iter("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption")):
        nearest = element if element.tag == "table" else next(element.iterancestors("table"), None)
        if nearest is not table:
            continue
        if element is not table:
            element.tag = "div"
        element.attrib.clear()
    table.tag = "div"


def _fill_grid(table: Any) -> None:
    """Rebuild the table from its rows: each spanned place holds a copy of the text, every row has the same width."""
    from lxml import etree

    grid: list[list[str]] = []
    repeated = 0
    pending: dict[int, tuple[int, str]] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        for cell in row.iterchildren("td", "th"):
            _take_pending(pending, cells)
            text = _cell_text(cell)
            rows, columns = _span(cell, "rowspan"), _span(cell, "colspan")
            repeated += rows * columns * len(text)
            if repeated > _MAX_CHARACTERS:
                rows = columns = 1
            for _ in range(columns):
                if rows > 1:
                    pending[len(cells)] = (rows - 1, text)
                cells.append(text)
        _take_pending(pending, cells)
        grid.append(cells)
    width = max(map(len, grid), default=0)
    captions = [_cell_text(caption) for caption in table.iter("caption")]
    tail = table.tail
    table.clear()
    table.tail = tail
    for number, cells in enumerate(grid):
        row = etree.SubElement(table, "tr")
        for text in cells + [""] * (width - len(cells)):
            etree.SubElement(row, "th" if number == 0 else "td").text = text.replace("|", "\\|")
    for caption in captions:
        paragraph = etree.Element("p")
        paragraph.text = caption
        if table.getparent() is not None:
            table.addprevious(paragraph)


def _take_pending(pending: dict[int, tuple[int, str]], cells: list[str]) -> None:
    while len(cells) in pending:
        rows, text = pending.pop(len(cells))
        if rows > 1:
            pending[len(cells)] = (rows - 1, text)
        cells.append(text)


def _cell_text(cell: Any) -> str:
    """Return a cell's text in one line, its blocks and line breaks apart."""
    return " ".join(strip_controls(_in_order(cell)).split())


def _in_order(element: Any) -> str:
    text = element.text or ""
    for child in element:
        gap = " " if child.tag in ("br", "p", "li", "div", "ul", "ol") else ""
        text += gap + _in_order(child) + gap + (child.tail or "")
    return text


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isascii() and value.isdigit() else 1
