"""Text of a PDF page that nobody sees: white on nothing, of one point, or beside the page; invisible layers of scans count as usual."""

from __future__ import annotations

import ctypes
from typing import Any, Literal

from knowhow.defence.hidden import Concealed

_WHITE, _TINY_POINTS = 250, 1.6
_INVISIBLE_MODE = 3
_MOST_OBJECTS = 20_000

Box = tuple[float, float, float, float]


def find_hidden_text(page: Any, text_page: Any) -> list[Concealed]:
    """Return the text that is concealed on a page, one entry per technique."""
    import pypdfium2.raw as pdfium

    texts: dict[Literal["sure", "off_page", "usual"], list[str]] = {}
    behind: list[Box] = []
    left, bottom, right, top = page.get_cropbox()
    for number, item in enumerate(page.get_objects(max_depth=3)):
        if number >= _MOST_OBJECTS:
            break
        if item.type in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING):
            behind.append(item.get_bounds())
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            if not _is_white(item.raw):
                behind.append(item.get_bounds())
        elif item.type == pdfium.FPDF_PAGEOBJ_TEXT:
            text = _read(item.raw, text_page.raw)
            if not text.strip():
                continue
            box = item.get_bounds()
            if box[2] <= left or box[0] >= right or box[3] <= bottom or box[1] >= top:
                texts.setdefault("off_page", []).append(text)
            elif pdfium.FPDFTextObj_GetTextRenderMode(item.raw) == _INVISIBLE_MODE:
                texts.setdefault("usual", []).append(text)
            elif _height(item.raw, box) < _TINY_POINTS or (
                _is_white(item.raw) and not _is_covered(box, behind)
            ):
                texts.setdefault("sure", []).append(text)
    return [Concealed(" ".join(found), technique) for technique, found in texts.items()]


def _read(item: Any, text_page: Any) -> str:
    import pypdfium2.raw as pdfium

    size = pdfium.FPDFTextObj_GetText(item, text_page, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFTextObj_GetText(item, text_page, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", errors="replace")


def _is_white(item: Any) -> bool:
    import pypdfium2.raw as pdfium

    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFPageObj_GetFillColor(item, red, green, blue, alpha):
        return False
    return alpha.value < 5 or min(red.value, green.value, blue.value) >= _WHITE


def _height(item: Any, box: Box) -> float:
    import pypdfium2.raw as pdfium

    size = ctypes.c_float()
    pdfium.FPDFTextObj_GetFontSize(item, size)
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    scale = max(abs(matrix.d), abs(matrix.b))
    return float(size.value * scale) if size.value and scale else box[3] - box[1]


def _is_covered(box: Box, behind: list[Box]) -> bool:
    """Say whether the middle of a box lies on anything painted before it."""
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(one[0] <= across <= one[2] and one[1] <= down <= one[3] for one in behind)
