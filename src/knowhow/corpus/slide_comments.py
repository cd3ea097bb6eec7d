"""Reviewers' comments of a presentation, of the older and the newer kind."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from knowhow.corpus.normalization import clean_line

_HOLDERS = ("cm", "reply")


def read_comments(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the comments of each slide, with author and time, by the slide's file name."""
    authors: dict[str, str] = {}
    for name in ("ppt/commentAuthors.xml", "ppt/authors.xml"):
        authors |= dict(_authors(archive, name))
    found: dict[str, list[str]] = {}
    for name in sorted(archive.namelist()):
        if not (name.startswith("ppt/slides/_rels/") and name.endswith(".rels")):
            continue
        slide = name.rpartition("/")[2].removesuffix(".rels")
        for relation in _parse(archive, name):
            target = relation.get("Target", "").replace("../", "ppt/").removeprefix("/")
            if relation.get("Type", "").endswith("/comments") and target in archive.namelist():
                found.setdefault(slide, []).extend(_texts(_parse(archive, target), authors))
    return found


def _parse(archive: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(archive.read(name), parser)


def _authors(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, str]]:
    if name in archive.namelist():
        for author in _parse(archive, name):
            initials = author.get("initials")
            yield author.get("id", ""), author.get("name", "") + (f" ({initials})" if initials else "")


def _texts(root: Any, authors: Mapping[str, str]) -> Iterator[str]:
    for comment in root.iter():
        if _local_name(comment) not in _HOLDERS:
            continue
        own = [node.text or "" for node in comment.iter() if _holder(node) is comment]
        text = clean_line("".join(own))
        author = authors.get(comment.get("authorId", ""), "unknown")
        when = comment.get("created") or comment.get("dt") or ""
        if text:
            yield f"Comment (author: {author}{', time: ' + when if when else ''}): {text}"


def _holder(node: Any) -> Any:
    """Return the comment or reply that a text node belongs to, None for other nodes."""
    if _local_name(node) not in ("t", "text"):
        return None
    return next((above for above in node.iterancestors() if _local_name(above) in _HOLDERS), None)


def _local_name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2] if isinstance(node.tag, str) else ""
