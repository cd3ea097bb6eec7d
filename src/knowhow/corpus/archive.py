"""Office files are zip archives of XML: opened with limits against bombs, without document types and entities."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from knowhow.corpus.content import LoadError

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MAX_MEMBERS = 20_000
_MAX_BYTES = 1_000_000_000
_MAX_XML_BYTES = 250_000_000
_MAX_RATIO = 500
_RATIO_FROM_BYTES = 20_000_000
_DOCTYPES = tuple(
    mark.encode(encoding)
    for mark in ("<!DOCTYPE", "<!doctype", "<!ENTITY")
    for encoding in ("ascii", "utf-16-le", "utf-16-be")
)


def open_archive(data: bytes, suffix: str) -> zipfile.ZipFile:
    """Return the archive after checking it; LoadError when it is encrypted, broken, a bomb or declares entities."""
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise LoadError(
                "The file is protected by a password.",
                mend="Save a copy without a password.",
                kind="encrypted",
            )
        raise LoadError(f"The file is of an older format than {suffix}.", mend=f"Save it as {suffix}.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise LoadError(
            f"The file is not a valid {suffix} file ({error}).",
            mend="Open it in the program that made it and save it again.",
            kind="malformed",
        ) from error
    total = sum(member.file_size for member in members)
    is_bomb = any(
        member.file_size > _RATIO_FROM_BYTES and member.file_size > _MAX_RATIO * max(1, member.compress_size)
        for member in members
    )
    if len(members) > _MAX_MEMBERS or total > _MAX_BYTES or is_bomb:
        raise LoadError(
            f"The file unpacks to {total / 1e6:.0f} MB in {len(members)} parts, which no ordinary document does.",
            mend="Check where it comes from; split it if it is genuine.",
            kind="bomb",
        )
    _refuse_document_types(archive, members)
    return archive


def read_xml(archive: zipfile.ZipFile, name: str) -> Any:
    """Return the root element of an XML part, or None when the archive has no such part."""
    from lxml import etree

    if name not in archive.namelist():
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    return etree.fromstring(archive.read(name), parser)


def _refuse_document_types(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        if not member.filename.lower().endswith((".xml", ".rels", ".vml")):
            continue
        if member.file_size > _MAX_XML_BYTES:
            raise LoadError(
                f"Its part {member.filename} unpacks to {member.file_size / 1e6:.0f} MB.",
                mend="Split the document.",
                kind="bomb",
            )
        try:
            content = archive.read(member)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
            raise LoadError(
                f"Its part {member.filename} cannot be unpacked ({error}).",
                mend="Open it in the program that made it and save it again.",
                kind="malformed",
            ) from error
        if any(mark in content for mark in _DOCTYPES):
            raise LoadError(
                f"Its part {member.filename} declares a document type or an entity, which no office program writes.",
                mend="Do not trust the file; save a clean copy from the program that made it.",
                kind="hostile",
            )
