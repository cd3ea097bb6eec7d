"""A parsed file to documents: permissions combined, personal data masked, title chosen, digest taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from knowhow.corpus.chunking import MARKUP
from knowhow.corpus.content import LoadError
from knowhow.corpus.folder import SourceFile
from knowhow.corpus.normalization import clean, clean_line
from knowhow.corpus.permissions import combine_groups
from knowhow.corpus.pool import Parsed
from knowhow.defence.hidden import FLAGS, HIDDEN, INVISIBLE, explain_flags
from knowhow.storage import digest_json
from knowhow.types import Document, IngestProblem, Region

Mask = Callable[[str], str]


def build_documents(
    file: SourceFile,
    parsed: Parsed,
    mask: Mask | None = None,
    settings: str = "",
    *,
    refuses_hidden: bool = False,
) -> tuple[list[Document], list[IngestProblem]]:
    """Return the documents of a file with stable ids, and its problems; `settings` goes into every document's digest."""
    documents: list[Document] = []
    problems = [
        IngestProblem(file.name, item["reason"], item["mend"], item["kind"]) for item in parsed.problems
    ]
    for values in parsed.documents:
        try:
            if refuses_hidden and {HIDDEN, INVISIBLE} & set(values["flags"]):
                raise _hidden(values["flags"])
            documents.append(_build(file, values, mask, settings))
        except LoadError as error:
            place = f"#{values['row']}" if values["row"] else ""
            problems.append(IngestProblem(file.name + place, error.reason, error.mend, error.kind))
    return documents, problems


def _build(file: SourceFile, values: dict[str, Any], mask: Mask | None, settings: str) -> Document:
    stated = None if values["groups"] is None else frozenset(values["groups"])
    groups = combine_groups([file.sidecar.groups, stated, *file.rules])
    regions = tuple(
        Region(start, end, page, tuple(heading)) for start, end, page, heading in values["regions"]
    )
    stated_metadata = {**values["metadata"], **file.sidecar.metadata}
    metadata = {clean_line(key): clean(value) for key, value in stated_metadata.items()}
    metadata.pop(FLAGS, None)
    if values["flags"]:
        metadata[FLAGS] = ",".join(values["flags"])
    if values["is_markdown"]:
        metadata[MARKUP] = "markdown"
    title = (
        clean_line(file.sidecar.title)
        or values["title"]
        or PurePosixPath(file.name).stem + _row_mark(values["row"])
    )
    text = values["text"]
    if mask is not None:
        text, regions = mask_regions(text, regions, mask)
        title, metadata = mask(title), {key: mask(value) for key, value in metadata.items()}
    language = values["language"]
    content = [text, title, sorted(groups), language, metadata, _plain(regions), settings]
    return Document(
        id=file.name + _row_mark(values["row"]),
        title=title,
        text=text,
        source=file.name,
        groups=groups,
        language=language,
        digest=digest_json(content),
        regions=regions,
        metadata=metadata,
    )


def mask_regions(text: str, regions: Sequence[Region], mask: Mask) -> tuple[str, tuple[Region, ...]]:
    """Return the masked text with its regions moved along; headings are masked as well."""
    pieces: list[str] = []
    moved: list[Region] = []
    position = end = 0
    for region in regions:
        gap = mask(text[end : region.start])
        masked = mask(text[region.start : region.end])
        start = position + len(gap)
        position = start + len(masked)
        pieces += [gap, masked]
        moved.append(Region(start, position, region.page, tuple(mask(name) for name in region.heading)))
        end = region.end
    return "".join(pieces) + mask(text[end:]), tuple(moved)


def _hidden(flags: Sequence[str]) -> LoadError:
    return LoadError(
        f"It was kept out of the index. {explain_flags(','.join(flags))}",
        mend='Clean the file, or set hidden = "flag" under [sources].',
        kind="hidden",
    )


def _row_mark(row: str) -> str:
    return f"#{row}" if row else ""


def _plain(regions: Sequence[Region]) -> list[list[Any]]:
    return [[region.start, region.end, region.page, list(region.heading)] for region in regions]
