"""Run every file of the real_files dataset through the parsers and compare with the reference texts.

Run: KNOWHOW_DATA=<folder of datasets> python benchmarks/real_files.py [--json]

For each file with a reference the share of the reference's words that occur in the same order in the parsed text (longest
common subsequence over words, exact). Layout marks of the references (Markdown, comments such as `<!-- image -->`) are no words.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from knowhow.corpus.documents import build_documents
from knowhow.corpus.folder import scan_folder
from knowhow.corpus.pool import Limits, ParserPool, Task
from knowhow.language import words
from knowhow.types import Document, IngestProblem

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MARKS = re.compile(r"(?m)^[ \t]*(?:#+|[-*+]|\d+[.)])[ \t]+|[*_`\\|~]+|&#124;")
_LINK = re.compile(r"\[([^\]]*)\]\(\s*[^)]*\)")
_NO_WORD = re.compile(r"\W*\Z")


@dataclass(frozen=True)
class FileResult:
    """What became of one file: characters of text, problems, and the recall against its reference where there is one."""

    file: str
    characters: int
    pages: int
    problems: tuple[str, ...]
    recall: float | None = None
    missing: tuple[str, ...] = ()


def data_folder() -> Path:
    return Path(os.environ.get("KNOWHOW_DATA", Path(__file__).parents[2] / "shared" / "data")) / "real_files"


def parse_files(folder: Path) -> Iterator[tuple[str, list[Document], list[IngestProblem]]]:
    scan = scan_folder(folder)
    yield from ((problem.source, [], [problem]) for problem in scan.problems)
    files = {file.name: file for file in scan.files}
    with ParserPool(2, Limits()) as pool:
        for task, parsed in pool.parse(Task(file.path, file.name, file.loader) for file in scan.files):
            yield task.name, *build_documents(files[task.name], parsed)


def reference_words(text: str) -> list[str]:
    """Return the words of a reference without Markdown's layout."""
    plain = _LINK.sub(r"\1", _COMMENT.sub(" ", text))
    return content_words(html.unescape(_MARKS.sub(" ", plain)))


def content_words(text: str) -> list[str]:
    plain = _LINK.sub(r"\1", text)
    return [word for word in words(_MARKS.sub(" ", html.unescape(plain))) if not _NO_WORD.match(word)]


def subsequence_length(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Length of the longest common subsequence, by the bit-parallel recurrence of Hyyro (2004)."""
    places: dict[str, int] = {}
    for position, word in enumerate(wanted):
        places[word] = places.get(word, 0) | 1 << position
    everything = (1 << len(wanted)) - 1
    row = everything
    for word in found:
        common = row & places.get(word, 0)
        row = ((row + common) | (row - common)) & everything
    return len(wanted) - row.bit_count()


def missing_words(wanted: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Words of the reference that do not occur anywhere in the text, at most twenty."""
    known = set(found)
    return tuple(dict.fromkeys(word for word in wanted if word not in known))[:20]


def measure(folder: Path) -> list[FileResult]:
    results = []
    for name, documents, problems in parse_files(folder / "files"):
        text = "\n".join(document.text for document in documents)
        pages = max((region.page or 0 for document in documents for region in document.regions), default=0)
        kinds = tuple(f"{problem.kind}: {problem.reason}" for problem in problems)
        reference = folder / "reference" / f"{name}.expected.md"
        if not reference.exists():
            results.append(FileResult(name, len(text), pages, kinds))
            continue
        wanted, found = reference_words(reference.read_text(encoding="utf-8")), content_words(text)
        recall = subsequence_length(wanted, found) / len(wanted) if wanted else 1.0
        results.append(FileResult(name, len(text), pages, kinds, recall, missing_words(wanted, found)))
    return sorted(results, key=lambda result: result.file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    results = measure(data_folder())
    if chosen.json:
        print(json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=2))
        return
    for result in results:
        recall = "     " if result.recall is None else f"{result.recall:.3f}"
        note = "; ".join(result.problems) or " ".join(result.missing)
        print(f"{recall}  {result.characters:>7}  {result.file}  {note}")
    scored = [result.recall for result in results if result.recall is not None]
    print(
        f"{len(results)} files, {sum(result.characters > 0 for result in results)} with text, "
        f"{sum(not result.characters and bool(result.problems) for result in results)} with a typed problem only; "
        f"{sum(value >= 0.9 for value in scored)} of {len(scored)} references at 0.9 or above"
    )


if __name__ == "__main__":
    main()
