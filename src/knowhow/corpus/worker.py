"""The child process that parses: one request frame in, one reply frame out, under limits of time and memory.

A frame is a length of four bytes and that many bytes of JSON; the first one says that the child is ready. Whatever a parser library raises ends this process: the parent
reads the reason from the last frame, starts another child and goes on with the next file.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import re
import struct
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO

from knowhow.corpus.composition import compose, first_heading
from knowhow.corpus.content import Content, Loaded, LoadError
from knowhow.corpus.normalization import clean_line
from knowhow.defence.hidden import find_flags
from knowhow.language import detect
from knowhow.registry import build, names

HEADER = struct.Struct(">I")
_CPU_GRACE_SECONDS = 10
_MAX_CHARACTERS = 100_000_000
_EMPTY_TITLE = re.compile(
    r"untitled.*|powerpoint.presentation|pr[eé]sentation.powerpoint|document\d*|microsoft word.*|.*\.(docx?|pdf|tex|xlsx?|indd|qxd)",
    re.IGNORECASE,
)


def main(arguments: list[str]) -> None:
    """Serve requests until the parent closes the pipe; further arguments are modules to import first (own loaders)."""
    reader, writer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.addaudithook(_forbid_network)
    sys.excepthook = _report_to(writer)
    for module in arguments:
        importlib.import_module(module)
    names("loader")
    detect("The language model is loaded before the clock of the first file starts.")
    _write(writer, {"ready": True})
    for request in _requests(reader):
        limit_resources(request["memory_megabytes"], request["timeout_seconds"])
        _write(writer, parse(request["path"], request["name"], request["loader"], request["max_bytes"]))


def parse(path: str, name: str, loader: str, max_bytes: int) -> dict[str, Any]:
    """Return the reply for one file: its digest, its documents and its problems as plain values."""
    try:
        data = _read(path, max_bytes)
    except OSError as error:
        problem = _problem(
            LoadError(
                f"The file cannot be read ({error.strerror}).",
                mend="Check that it still exists and its permissions.",
            )
        )
        return {"digest": "", "documents": [], "problems": [problem]}
    except LoadError as error:
        return {"digest": "", "documents": [], "problems": [_problem(error)]}
    digest = hashlib.sha256(data).hexdigest()
    try:
        if not data.strip():
            raise LoadError("The file is empty.", mend="Fill it or remove it.", kind="empty")
        loaded = build("loader", loader).load(data, name)
        _check_size(loaded)
    except LoadError as error:
        return {"digest": digest, "documents": [], "problems": [_problem(error)]}
    documents, problems = [], [_problem(error) for error in loaded.problems]
    for content in loaded.contents:
        document = _document(content)
        if document["text"].strip():
            documents.append(document)
        else:
            problems.append(_problem(_no_text(content.row, loader)))
    return {"digest": digest, "documents": documents, "problems": problems}


def limit_resources(memory_megabytes: int, timeout_seconds: float) -> None:
    """Bound address space, processor time and core files of this process as far as the system enforces it."""
    import resource

    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    memory = memory_megabytes * 2**20
    # The parent stops a slow child; the processor limit is for a child that has lost its parent.
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: math.ceil(used + 2 * timeout_seconds) + _CPU_GRACE_SECONDS,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, OSError):
            continue


def _document(content: Content) -> dict[str, Any]:
    text, regions = compose(content.parts, content.is_markdown)
    return {
        "row": content.row,
        "title": _title(content, text)
        or next((region.heading[0] for region in regions if region.heading), ""),
        "text": text,
        "regions": [[region.start, region.end, region.page, list(region.heading)] for region in regions],
        "groups": None if content.groups is None else sorted(content.groups),
        "metadata": dict(content.metadata),
        "language": detect(text),
        "is_markdown": content.is_markdown,
        "flags": find_flags((part.text for part in content.parts), content.concealed),
    }


def _title(content: Content, text: str) -> str:
    heading = first_heading(text) if content.is_markdown else ""
    noted = clean_line(content.property_title)
    is_telling = len(noted) > 2 and not _EMPTY_TITLE.fullmatch(noted)
    return clean_line(content.title) or heading or (noted if is_telling else "")


def _read(path: str, max_bytes: int) -> bytes:
    with open(path, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise LoadError(
            f"The file is larger than {max_bytes / 1e6:.1f} MB.",
            mend="Split it, or raise max_megabytes under [documents].",
            kind="too_large",
        )
    return data


def _check_size(loaded: Loaded) -> None:
    characters = sum(len(part.text) for content in loaded.contents for part in content.parts)
    if characters > _MAX_CHARACTERS:
        raise LoadError(
            f"It unfolds into {characters / 1e6:.0f} million characters of text.",
            mend="Split the file.",
            kind="too_large",
        )


def _no_text(row: str, loader: str) -> LoadError:
    if loader == "pdf":
        return LoadError(
            "It has no text layer (a scan or only pictures).",
            mend="Run character recognition (OCR) over it and put the result into the folder.",
            kind="no_text",
        )
    return LoadError("There is no text in it.", mend="Fill it or remove it.", kind="no_text", row=row)


def _problem(error: LoadError) -> dict[str, str]:
    return {"reason": error.reason, "mend": error.mend, "kind": error.kind, "row": error.row}


def _requests(reader: BinaryIO) -> Iterator[dict[str, Any]]:
    while len(header := reader.read(HEADER.size)) == HEADER.size:
        yield json.loads(reader.read(HEADER.unpack(header)[0]))


def _write(writer: BinaryIO, reply: dict[str, Any]) -> None:
    frame = json.dumps(reply, ensure_ascii=False).encode("utf-8", errors="replace")
    writer.write(HEADER.pack(len(frame)) + frame)
    writer.flush()


def _report_to(writer: BinaryIO) -> Any:
    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        is_memory = issubclass(kind, MemoryError)
        _write(writer, {"failure": "memory" if is_memory else f"{kind.__name__}: {error}"[:300]})

    return report


def _forbid_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise PermissionError("A document may not open network connections.")


if __name__ == "__main__":
    main(sys.argv[1:])
