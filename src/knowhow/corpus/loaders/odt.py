"""OpenDocument texts: headings, paragraphs, lists and tables of content.xml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.archive import open_archive, read_xml
from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.normalization import clean_line
from knowhow.corpus.rows import markdown_table
from knowhow.registry import register

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_SKIPPED = (f"{_TEXT}tracked-changes", f"{_TEXT}sequence-decls", f"{_OFFICE}annotation")


@register("loader", "odt")
@dataclass(frozen=True)
class OdtLoader:
    """Reads an OpenDocument text as Markdown; tracked deletions and annotations are left out."""

    suffixes: ClassVar[tuple[str, ...]] = (".odt",)
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the document; LoadError when it is encrypted, malformed or hostile."""
        from lxml import etree

        with open_archive(data, ".odt") as archive:
            try:
                root = read_xml(archive, "content.xml")
            except etree.XMLSyntaxError as error:
                raise LoadError(
                    "Its content is encrypted or malformed.",
                    mend="Save a copy without a password.",
                    kind="encrypted",
                ) from error
        body = None if root is None else root.find(f".//{_OFFICE}text")
        if body is None:
            raise LoadError(
                "The file is not an OpenDocument text.",
                mend="Give it the ending of its real format.",
                kind="malformed",
            )
        return Loaded((Content((Part("\n\n".join(_blocks(body, 0))),), is_markdown=True),))


def _blocks(parent: Any, depth: int) -> Iterator[str]:
    for element in parent:
        if element.tag in _SKIPPED or not isinstance(element.tag, str):
            continue
        if element.tag == f"{_TEXT}h":
            level = min(int(element.get(f"{_TEXT}outline-level", "1")), 6)
            yield f"{'#' * level} {clean_line(_inline(element))}"
        elif element.tag == f"{_TEXT}p":
            if text := _inline(element).strip():
                yield text
            yield from _frames(element)
        elif element.tag == f"{_TEXT}list":
            yield "\n".join(_list_lines(element, depth))
        elif element.tag == f"{_TABLE}table":
            yield markdown_table([*_rows(element)])
        else:
            yield from _blocks(element, depth)


def _inline(element: Any) -> str:
    text = element.text or ""
    for child in element:
        if child.tag == f"{_TEXT}s":
            text += " " * int(child.get(f"{_TEXT}c", "1"))
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            text += " "
        elif isinstance(child.tag, str) and child.tag not in _SKIPPED and not child.tag.endswith("}frame"):
            text += _inline(child)
        text += child.tail or ""
    return text


def _frames(paragraph: Any) -> Iterator[str]:
    for box in paragraph.iter():
        if isinstance(box.tag, str) and box.tag.endswith("}text-box"):
            yield from _blocks(box, 0)


def _list_lines(element: Any, depth: int) -> Iterator[str]:
    for item in element:
        for child in item:
            if child.tag == f"{_TEXT}list":
                yield from _list_lines(child, depth + 1)
            elif text := clean_line(_inline(child)):
                yield f"{'  ' * depth}- {text}"


def _rows(table: Any) -> Iterator[list[str]]:
    for row in table.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in row:
            if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                repeats = min(int(cell.get(f"{_TABLE}number-columns-repeated", "1")), 50)
                cells += [" ".join(_blocks(cell, 0))] * repeats
        yield cells
