"""Word documents: body with headings, lists and tables; page headers and footers said once."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.archive import open_archive, read_xml
from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.markup import tree_to_markdown
from knowhow.corpus.word_numbering import write_out_numbers
from knowhow.defence.hidden import Concealed
from knowhow.registry import register

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
comment-reference => sup
"""


@register("loader", "docx")
@dataclass(frozen=True)
class DocxLoader:
    """Reads a Word document as Markdown; deleted text of tracked changes is left out."""

    suffixes: ClassVar[tuple[str, ...]] = (".docx", ".docm")
    version: ClassVar[int] = 3

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the document; LoadError when it is encrypted, malformed or hostile."""
        with open_archive(data, ".docx") as archive:
            if "word/document.xml" not in archive.namelist():
                raise LoadError(
                    "The file is not a Word document.",
                    mend="Give it the ending of its real format.",
                    kind="malformed",
                )
            header, footer = _edge_text(archive, "header"), _edge_text(archive, "footer")
            title = _core_title(archive)
            concealed: list[Concealed] = []
            numbered = write_out_numbers(archive, concealed)
        body = _body(numbered)
        parts = tuple(Part(text) for text in (header, body, footer) if text.strip())
        found = Content(parts, is_markdown=True, property_title=title, concealed=tuple(concealed))
        return Loaded((found,))


def _body(data: bytes) -> str:
    import lxml.html
    import mammoth

    converted = mammoth.convert_to_html(
        io.BytesIO(data),
        style_map=_STYLES,
        convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
    )
    if not converted.value.strip():
        return ""
    return tree_to_markdown(lxml.html.fragment_fromstring(converted.value, create_parent="div"))


def _edge_text(archive: zipfile.ZipFile, kind: str) -> str:
    """Return the different lines of all page headers or footers, without page numbers."""
    lines: dict[str, None] = {}
    for name in sorted(archive.namelist()):
        if re.fullmatch(rf"word/{kind}\d*\.xml", name):
            root = read_xml(archive, name)
            for paragraph in root.iter(f"{_WORD}p"):
                line = "".join(_runs(paragraph)).strip()
                if line and not re.fullmatch(r"[\W\d]*", line):
                    lines[line] = None
    return "\n\n".join(lines)


def _runs(paragraph: Any) -> Iterator[str]:
    for element in paragraph.iter(f"{_WORD}t", f"{_WORD}tab", f"{_WORD}br"):
        yield (element.text or "") if element.tag == f"{_WORD}t" else " "


def _core_title(archive: zipfile.ZipFile) -> str:
    root = read_xml(archive, "docProps/core.xml")
    found = None if root is None else root.find("{http://purl.org/dc/elements/1.1/}title")
    return "" if found is None else (found.text or "")
