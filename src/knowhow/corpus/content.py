"""What a loader returns and how it fails: parts of text in reading order, before they are joined into one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from knowhow.defence.hidden import Concealed
from knowhow.errors import DataError


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text with its page (from 1); `heading` None means that Markdown headings inside the text tell."""

    text: str
    page: int | None = None
    heading: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """One document of a file as its loader saw it; `row` tells apart the documents of a file that holds several.

    `title` is stated by the author; `property_title` is what a program noted, used when there is no heading either.
    `groups` None means that the file states nothing about its readers. `concealed` is text that a reader would not see.
    """

    parts: tuple[Part, ...]
    title: str = ""
    row: str = ""
    groups: frozenset[str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_markdown: bool = False
    property_title: str = ""
    concealed: tuple[Concealed, ...] = ()


class LoadError(DataError):
    """A file, or one row of it, cannot be used; `kind` is one word for programs, the message is for people."""

    def __init__(self, reason: str, *, mend: str, kind: str = "unreadable", row: str = "") -> None:
        self.kind, self.row = kind, row
        super().__init__(reason, mend=mend)


class Loader(Protocol):
    """Turns the bytes of one file into documents; raises LoadError when it cannot."""

    suffixes: ClassVar[tuple[str, ...]]
    version: ClassVar[int]

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the documents of a file and the rows of it that cannot be used."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents of one file, and the rows that had to be left out."""

    contents: tuple[Content, ...]
    problems: tuple[LoadError, ...] = ()
