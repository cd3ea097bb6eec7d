"""Presentations: one page per slide with its title, texts, tables, notes and comments."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from knowhow.corpus.archive import open_archive
from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.normalization import clean_line
from knowhow.corpus.rows import markdown_table
from knowhow.corpus.slide_comments import read_comments
from knowhow.registry import register

_GROUP = 6
_ROW_HEIGHT = 91_440  # a tenth of an inch in the file's units


@register("loader", "pptx")
@dataclass(frozen=True)
class PptxLoader:
    """Reads a presentation; the page of a passage is the number of its slide."""

    suffixes: ClassVar[tuple[str, ...]] = (".pptx", ".pptm")
    version: ClassVar[int] = 2

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the presentation; LoadError when it is encrypted, malformed or hostile."""
        from pptx import Presentation
        from pptx.exc import PackageNotFoundError

        with open_archive(data, ".pptx") as archive:
            comments = read_comments(archive)
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
        return Loaded((Content(parts, is_markdown=True, property_title=deck.core_properties.title or ""),))


def _slide(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    heading = clean_line(title.text_frame.text) if title is not None and title.has_text_frame else ""
    if heading:
        yield f"# {heading}"
    for shape in _by_place(slide.shapes):
        if not heading or shape.shape_id != title.shape_id:
            yield from _shape(shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            yield f"Notes: {notes}"


def _by_place(shapes: Any) -> list[Any]:
    """Return shapes from top to bottom and left to right, as a person reads the slide; shapes without a place stay last."""
    return sorted(
        shapes, key=lambda shape: (shape.top is None, (shape.top or 0) // _ROW_HEIGHT, shape.left or 0)
    )


def _shape(shape: Any) -> Iterator[str]:
    if shape.shape_type == _GROUP:
        for inner in _by_place(shape.shapes):
            yield from _shape(inner)
        return
    if getattr(shape, "has_table", False) and shape.has_table:
        yield markdown_table([*_table_rows(shape.table)])
    elif getattr(shape, "has_chart", False) and shape.has_chart:
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield _paragraphs(shape.text_frame)
    elif shape.element.tag.endswith("}graphicFrame"):
        # Smart art and other frames: python-pptx has no reader, their words still stand in the XML.
        yield "\n".join(node.text for node in shape.element.iter() if node.tag.endswith("}t") and node.text)


def _table_rows(table: Any) -> Iterator[list[str]]:
    """Yield the rows of a table with the text of a merged cell in every place that it covers."""
    covered: dict[tuple[int, int], str] = {}
    for row, cells in enumerate(table.rows):
        values = []
        for column, cell in enumerate(cells.cells):
            if cell.is_merge_origin:
                for down in range(cell.span_height):
                    for right in range(cell.span_width):
                        covered[row + down, column + right] = cell.text
            values.append(covered.get((row, column), cell.text))
        yield values


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
