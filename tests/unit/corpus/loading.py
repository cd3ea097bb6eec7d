"""Load bytes by file name the way the worker does, without a child process."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from knowhow.corpus.worker import parse


def load(tmp_path: Path, name: str, data: bytes | str) -> dict[str, Any]:
    """Return the worker's reply for a file of this name and content."""
    from knowhow.corpus.folder import scan_folder

    folder = tmp_path / hashlib.sha256(name.encode()).hexdigest()[:8]
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    scan = scan_folder(folder)
    file = next(file for file in scan.files if file.name == name)
    return parse(file.path, name, file.loader, 10_000_000)


def only(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the single document of a reply without problems."""
    assert reply["problems"] == []
    (document,) = reply["documents"]
    assert isinstance(document, dict)
    return document


def problem(reply: dict[str, Any]) -> dict[str, str]:
    """Return the single problem of a reply without documents."""
    assert reply["documents"] == []
    (found,) = reply["problems"]
    assert isinstance(found, dict)
    return found


def pack(parts: dict[str, str | bytes]) -> bytes:
    """Return a zip archive of the parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def pdf(pages: list[str], bookmarks: list[tuple[str, int]] | None = None) -> bytes:
    """Return a PDF with one text line per line of each page, and flat bookmarks (title, page from 0)."""
    objects: list[bytes] = []

    def add(content: str) -> int:
        objects.append(content.encode("latin-1"))
        return len(objects)

    catalog, tree, font = add(""), add(""), add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids = []
    for text in pages:
        # A line that begins with ! is set larger.
        lines = "".join(
            f"/F1 {16 if line.startswith('!') else 11} Tf ({line.removeprefix('!')}) Tj T* "
            for line in text.split("\n")
        )
        stream = f"BT /F1 11 Tf 14 TL 50 780 Td {lines}ET"
        content = add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        kids.append(
            add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
                f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
            )
        )
    outline = ""
    if bookmarks:
        root = add("")
        first = len(objects) + 1
        last = first + len(bookmarks) - 1
        for number, (title, page) in enumerate(bookmarks, start=first):
            near = (f" /Prev {number - 1} 0 R" if number > first else "") + (
                f" /Next {number + 1} 0 R" if number < last else ""
            )
            add(f"<< /Title ({title}) /Parent {root} 0 R /Dest [{kids[page]} 0 R /Fit]{near} >>")
        objects[root - 1] = (
            f"<< /Type /Outlines /First {first} 0 R /Last {last} 0 R /Count {len(bookmarks)} >>".encode()
        )
        outline = f" /Outlines {root} 0 R"
    objects[catalog - 1] = f"<< /Type /Catalog /Pages {tree} 0 R{outline} >>".encode()
    objects[tree - 1] = (
        f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>".encode()
    )
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)
