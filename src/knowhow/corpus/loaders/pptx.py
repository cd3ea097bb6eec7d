"""Presentations: one page per slide with its title, texts, tables, notes and comments."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.archive import open_archive
from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.normalization import clean_line
from knowhow.corpus.rows import markdown_table
from knowhow.registry import register


@register("loader", "pptx")
@dataclass(frozen=True)
class PptxLoader:
    """Reads a presentation; the page of a passage is the number of its slide."""

    suffixes: ClassVar[tuple[str, ...]] = (".pptx", ".pptm")
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the presentation; LoadError when it is encrypted, malformed or hostile."""
        from pptx import Presentation
        from pptx.exc import PackageNotFoundError

        with open_archive(data, ".pptx") as archive:
            comments = _comments(archive)
        try:
            deck = Presentation(io.BytesIO(data))
            slides = list(deck.slides)
        except (PackageNotFoundError, KeyError, ValueError, AttributeError) as error:
            raise LoadError(
                f"The presentation is malformed ({error}).",
                mend="Open it in the program that made it and save it again.",
                kind="malformed",
            ) from error
        parts = tuple(
            Part("\n\n".join(filter(None, [*_slide(slide), *comments.get(_part_name(slide), ())])), number)
            for number, slide in enumerate(slides, start=1)
        )
        return Loaded((Content(parts, deck.core_properties.title or "", is_markdown=True),))


def _slide(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    heading = clean_line(title.text_frame.text) if title is not None and title.has_text_frame else ""
    if heading:
        yield f"# {heading}"
    for shape in slide.shapes:
        if not heading or shape.shape_id != title.shape_id:
            yield from _shape(shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            yield f"Notes: {notes}"


def _shape(shape: Any) -> Iterator[str]:
    if shape.shape_type == 6:
        for inner in shape.shapes:
            yield from _shape(inner)
        return
    if getattr(shape, "has_table", False) and shape.has_table:
        yield markdown_table([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield _paragraphs(shape.text_frame)
    elif shape.element.tag.endswith("}graphicFrame"):
        # Smart art and other frames: python-pptx has no reader, their words still stand in the XML.
        yield "\n".join(node.text for node in shape.element.iter() if node.tag.endswith("}t") and node.text)


def _paragraphs(frame: Any) -> str:
    lines = []
    for paragraph in frame.paragraphs:
        text = clean_line(paragraph.text.replace("\v", " "))
        if text:
            lines.append(f"{'  ' * paragraph.level}- {text}" if paragraph.level else text)
    return "\n".join(lines)


def _chart(chart: Any) -> Iterator[str]:
    if chart.has_title and chart.chart_title.has_text_frame:
        yield clean_line(chart.chart_title.text_frame.text)
    for plot in chart.plots:
        rows = [["", *(str(series.name) for series in plot.series)]]
        for number, category in enumerate(plot.categories):
            values = [
                series.values[number] if number < len(series.values) else None for series in plot.series
            ]
            rows.append([str(category), *("" if value is None else f"{value:g}" for value in values)])
        yield markdown_table(rows)


def _part_name(slide: Any) -> str:
    return str(slide.part.partname).rpartition("/")[2]


def _comments(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the comment texts of each slide by the slide's file name."""
    from lxml import etree

    found: dict[str, list[str]] = {}
    for name in archive.namelist():
        if not (name.startswith("ppt/slides/_rels/") and name.endswith(".rels")):
            continue
        slide = name.rpartition("/")[2].removesuffix(".rels")
        for relation in etree.fromstring(archive.read(name)):
            target = relation.get("Target", "").replace("../", "ppt/")
            if relation.get("Type", "").endswith("/comments") and target in archive.namelist():
                found.setdefault(slide, []).extend(_comment_texts(etree.fromstring(archive.read(target))))
    return found


def _comment_texts(root: Any) -> Iterator[str]:
    for comment in root.iter():
        if not isinstance(comment.tag, str) or comment.tag.rpartition("}")[2] not in ("cm", "reply"):
            continue
        own = [node for node in comment.iter() if _holder(node) is comment]
        text = clean_line("".join(node.text or "" for node in own))
        if text:
            yield f"Comment: {text}"


def _holder(node: Any) -> Any:
    """Return the comment or reply that a text node belongs to, None for other nodes."""
    if not isinstance(node.tag, str) or node.tag.rpartition("}")[2] not in ("t", "text"):
        return None
    return next(
        (up for up in node.iterancestors() if up.tag.rpartition("}")[2] in ("cm", "reply")),
        None,
    )
