"""Documents to chunks: exact offsets, never across a heading, sized in the embedder's own tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from knowhow.corpus.composition import find_headings
from knowhow.types import Chunk, Document, Region

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TokenCounter: TypeAlias = "Tokenizer | Callable[[str], int]"
"""What counts tokens: the embedder's tokenizer (fast) or any function of a text."""

MARKUP = "markup"
"""The metadata key of a document whose text is Markdown: its value is then `markdown`."""


@dataclass
class Chunker:
    """Splits documents into chunks of at most `tokens` tokens, counted by a tokenizer or a function.

    Boundaries in order of preference: heading, block, line (so that a table row stays whole), sentence, word. A heading
    without text of its own is said by the heading path of the chunks below it and is no chunk.
    """

    counter: TokenCounter
    tokens: int = 200
    overlap: int = 0
    _splitters: dict[bool, Any] = field(default_factory=dict, init=False, repr=False)

    def split(self, document: Document) -> list[Chunk]:
        """Return the chunks of a document in order; `text == document.text[start:end]` for each."""
        is_markdown = document.metadata.get(MARKUP) == "markdown"
        splitter = self._splitter(is_markdown)
        chunks = []
        for section in _sections(document, is_markdown):
            text = document.text[section.start : section.end]
            for offset, piece in splitter.chunk_indices(text):
                start = section.start + offset
                place = _region_at(document.regions, start)
                chunks.append(_chunk(document, start, start + len(piece), section.heading, place))
        return chunks

    def _splitter(self, is_markdown: bool) -> Any:
        if is_markdown not in self._splitters:
            self._splitters[is_markdown] = _build_splitter(
                self.counter, is_markdown, self.tokens, self.overlap
            )
        return self._splitters[is_markdown]


def _build_splitter(counter: TokenCounter, is_markdown: bool, tokens: int, overlap: int) -> Any:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter
    from tokenizers import Tokenizer

    kind = MarkdownSplitter if is_markdown else TextSplitter
    if not isinstance(counter, Tokenizer):
        return kind.from_callback(counter, tokens, overlap)
    own = Tokenizer.from_str(counter.to_str())
    own.no_truncation()
    own.no_padding()
    return kind.from_huggingface_tokenizer(own, tokens, overlap)


def _sections(document: Document, is_markdown: bool) -> Iterator[Region]:
    """Yield the stretches under one heading path, pages joined, without headings that only lead to lower ones."""
    merged: list[Region] = []
    for region in document.regions or (Region(0, len(document.text)),):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.heading == region.heading
            and not _starts_with_heading(document, region, is_markdown)
        ):
            merged[-1] = Region(last.start, region.end, last.page, last.heading)
        else:
            merged.append(region)
    for position, section in enumerate(merged):
        below = merged[position + 1].heading if position + 1 < len(merged) else ()
        is_parent = len(below) > len(section.heading) and below[: len(section.heading)] == section.heading
        if not (is_markdown and is_parent and _is_bare_heading(document.text[section.start : section.end])):
            yield section


def _starts_with_heading(document: Document, region: Region, is_markdown: bool) -> bool:
    return is_markdown and next(find_headings(document.text[region.start : region.end]), (1,))[0] == 0


def _is_bare_heading(text: str) -> bool:
    """Say whether a section holds nothing below its heading line."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or next(find_headings(text), (1,))[0] != 0:
        return False
    return len(lines) == 1 or (len(lines) == 2 and not lines[1].strip(" =-"))


def _region_at(regions: tuple[Region, ...], offset: int) -> Region | None:
    low, high = 0, len(regions)
    while low < high:
        middle = (low + high) // 2
        if regions[middle].start <= offset:
            low = middle + 1
        else:
            high = middle
    return regions[low - 1] if low else None


def _chunk(document: Document, start: int, end: int, heading: tuple[str, ...], place: Region | None) -> Chunk:
    return Chunk(
        id=f"{document.id}@{start}-{end}",
        document_id=document.id,
        text=document.text[start:end],
        start=start,
        end=end,
        groups=document.groups,
        title=document.title,
        source=document.source,
        heading=heading,
        page=place.page if place else None,
        language=document.language,
    )
