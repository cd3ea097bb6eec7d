"""PDF: text page by page, ruled tables as rows, headings from bookmarks or else from font sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.hidden_pdf import find_hidden_text
from knowhow.corpus.lines import join_lines
from knowhow.corpus.normalization import clean, clean_line
from knowhow.corpus.pdf_headings import SizedLine, find_headings, read_lines
from knowhow.corpus.pdf_tables import TablePages
from knowhow.defence.hidden import Concealed
from knowhow.registry import register

# pdfium takes the ligature lam-alef with hamza apart in the wrong order: article, hamza, lam instead of article, lam, hamza.
_SPLIT_LAM_ALEF = re.compile("\u0627([\u0623\u0625\u0622])\u0644")
_PASSWORD_ERRORS = ("password", "security")


@register("loader", "pdf")
@dataclass(frozen=True)
class PdfLoader:
    """Reads the text layer of a PDF; a document without one is reported, not guessed at."""

    suffixes: ClassVar[tuple[str, ...]] = (".pdf",)
    version: ClassVar[int] = 3

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the document with the page of every passage; LoadError when it is encrypted or broken."""
        import pypdfium2

        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise _failure(str(error)) from error
        tables = TablePages(data)
        try:
            if document.get_formtype():
                document.init_forms()
            texts: list[str] = []
            concealed: list[Concealed] = []
            lines: dict[int, list[SizedLine]] = {}
            for number in range(len(document)):
                text, lines[number + 1] = _read_page(document, number, tables, concealed)
                texts.append(text)
            headings = _bookmarks(document) or _standing(find_headings(lines), texts)
            path: list[tuple[int, str]] = []
            parts = [
                part
                for number, text in enumerate(texts, start=1)
                for part in _split_page(text, number, headings, path)
            ]
            title = clean_line(document.get_metadata_dict().get("Title", ""))
        finally:
            tables.close()
            document.close()
        return Loaded((Content(tuple(parts), property_title=title, concealed=tuple(concealed)),))


def _read_page(
    document: Any, number: int, tables: TablePages, concealed: list[Concealed]
) -> tuple[str, list[SizedLine]]:
    page = document[number]
    text_page = page.get_textpage()
    height = page.get_height()

    def read_box(top: float, bottom: float) -> str:
        return _tidy(text_page.get_text_bounded(bottom=height - bottom, top=height - top))

    try:
        text = tables.read(page, number, _tidy(text_page.get_text_bounded()), read_box)
        concealed += find_hidden_text(page, text_page)
        return text, read_lines(text_page)
    finally:
        text_page.close()
        page.close()


def _tidy(text: str) -> str:
    return join_lines(clean(_mend_hyphens(text)))


def _mend_hyphens(text: str) -> str:
    """Join words that the page breaks at a hyphen, which pdfium marks with a character of its own."""
    text = _SPLIT_LAM_ALEF.sub("\u0627\u0644\\1", text)
    for mark in ("\x02\r\n", "\ufffe\r\n", "\x02\n", "\ufffe\n", "\x02", "\ufffe"):
        text = text.replace(mark, "")
    return text


def _bookmarks(document: Any) -> dict[int, list[tuple[int, str]]]:
    """Return (level, title) of the bookmarks by page number from 1."""
    found: dict[int, list[tuple[int, str]]] = {}
    for bookmark in document.get_toc(max_depth=4):
        target = bookmark.get_dest()
        index = None if target is None else target.get_index()
        title = clean_line(bookmark.get_title() or "")
        if index is not None and title:
            found.setdefault(index + 1, []).append((bookmark.level, title))
    return found


def _standing(
    headings: dict[int, list[tuple[int, str]]], texts: list[str]
) -> dict[int, list[tuple[int, str]]]:
    """Return only the headings that stand as a line of their page's text."""
    return {
        number: [item for item in found if _find_line(texts[number - 1], item[1], 0) >= 0]
        for number, found in headings.items()
    }


def _split_page(
    text: str, number: int, headings: dict[int, list[tuple[int, str]]], path: list[tuple[int, str]]
) -> Iterator[Part]:
    """Yield the parts of a page between the places where its headings stand; `path` is carried on."""
    start = 0
    for level, title in headings.get(number, ()):
        place = _find_line(text, title, start)
        if place > start and text[start:place].strip():
            yield Part(text[start:place], number, tuple(name for _, name in path))
        start = max(place, start)
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, title))
    yield Part(text[start:], number, tuple(name for _, name in path))


def _find_line(text: str, title: str, start: int) -> int:
    """Return where `title` begins a line at or after `start`, -1 when nowhere."""
    place = text.find(title, start)
    while place > 0 and text[place - 1] != "\n":
        place = text.find(title, place + 1)
    return place


def _failure(message: str) -> LoadError:
    if any(word in message.lower() for word in _PASSWORD_ERRORS):
        return LoadError(
            "The PDF is protected by a password.", mend="Save a copy without a password.", kind="encrypted"
        )
    return LoadError(
        f"The file is not a readable PDF ({message}).",
        mend="Open it in a PDF reader and print or export it anew.",
        kind="malformed",
    )
