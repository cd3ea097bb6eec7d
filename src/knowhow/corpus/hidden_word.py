"""Text of a Word document that nobody sees: marked hidden, white on nothing, or of one point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knowhow.defence.hidden import Concealed

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WHITE = frozenset({"FFFFFF", "FEFEFE", "FDFDFD"})
_OFF = frozenset({"0", "false", "off"})
_TINY_HALF_POINTS = 4


def take_hidden_runs(document: Any, styles: Any = None) -> list[Concealed]:
    """Take the runs that a reader cannot see out of the document's tree and return their text, neighbours joined."""
    by_style = _hidden_styles(styles)
    texts: list[str] = []
    previous = None
    for run in list(document.iter(f"{_W}r")):
        text = "".join(node.text or "" for node in run.iter(f"{_W}t"))
        if not text or not _is_hidden(run, by_style):
            continue
        parent = run.getparent()
        if parent is previous and texts:
            texts[-1] += text
        else:
            texts.append(text)
        previous = parent
        for node in list(run.iter(f"{_W}t")):
            node.getparent().remove(node)
    return [Concealed(text, "sure") for text in texts]


def _is_hidden(run: Any, by_style: Mapping[str, bool]) -> bool:
    properties = run.find(f"{_W}rPr")
    paragraph = next(run.iterancestors(f"{_W}p"), None)
    names = [
        node.get(f"{_W}val")
        for node in (
            properties.find(f"{_W}rStyle") if properties is not None else None,
            paragraph.find(f"{_W}pPr/{_W}pStyle") if paragraph is not None else None,
        )
        if node is not None
    ]
    is_styled = any(by_style.get(name, False) for name in names)
    if properties is None:
        return is_styled
    return (is_styled or _hides(properties)) and not _has_shading(run, properties)


def _hides(properties: Any) -> bool:
    vanish = properties.find(f"{_W}vanish")
    if vanish is not None and vanish.get(f"{_W}val") not in _OFF:
        return True
    colour, size = properties.find(f"{_W}color"), properties.find(f"{_W}sz")
    is_white = colour is not None and (colour.get(f"{_W}val") or "").upper() in _WHITE
    points = size.get(f"{_W}val") if size is not None else ""
    return is_white or bool(points and points.isdecimal() and int(points) <= _TINY_HALF_POINTS)


def _has_shading(run: Any, properties: Any) -> bool:
    """Say whether something dark stands behind the run: its own shading, its paragraph's, its cell's, or a drawing's."""
    vanish = properties.find(f"{_W}vanish")
    if vanish is not None and vanish.get(f"{_W}val") not in _OFF:
        return False
    if properties.find(f"{_W}highlight") is not None:
        return True
    shadings = list(properties.iterchildren(f"{_W}shd"))
    for above in run.iterancestors():
        name = above.tag.rpartition("}")[2]
        if name in ("txbxContent", "tbl"):
            # Colours of shapes and table styles stand elsewhere: white text is usual there.
            return True
        for kind in ("pPr", "tcPr", "tblPr"):
            shadings += above.findall(f"{_W}{kind}/{_W}shd")
    return any((shading.get(f"{_W}fill") or "auto").upper() not in {"AUTO", *_WHITE} for shading in shadings)


def _hidden_styles(styles: Any) -> dict[str, bool]:
    if styles is None:
        return {}
    return {
        style.get(f"{_W}styleId"): _hides(style.find(f"{_W}rPr"))
        for style in styles.iter(f"{_W}style")
        if style.find(f"{_W}rPr") is not None
    }
