"""The numbers that Word shows before headings and clauses but does not keep in the text: written out, so that they can be cited."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

from knowhow.corpus.archive import read_xml
from knowhow.corpus.hidden_word import take_hidden_runs
from knowhow.defence.hidden import Concealed

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_CHINESE_DIGITS = "零一二三四五六七八九"


def write_out_numbers(archive: zipfile.ZipFile, concealed: list[Concealed] | None = None) -> bytes:
    """Return the Word file with the number of every numbered paragraph as text; bullets stay bullets.

    Text that no reader of the document sees is taken out and goes into `concealed`.
    """
    document = read_xml(archive, "word/document.xml")
    if concealed is not None:
        concealed += take_hidden_runs(document, read_xml(archive, "word/styles.xml"))
    counters = _Counters(_read_levels(archive))
    styles = _read_style_numbers(archive)
    for paragraph in document.iter(f"{_W}p"):
        label = counters.next_label(*_number_of(paragraph, styles))
        if label:
            _insert_label(paragraph, label)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for member in archive.infolist():
            if member.filename == "word/document.xml":
                copy.writestr(member.filename, _serialise(document))
            else:
                copy.writestr(member.filename, archive.read(member))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Level:
    """How one level of a list is numbered: `text` holds %1 to %9."""

    format: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class _Counters:
    """Counts the paragraphs of each list definition; lists of the same definition go on counting."""

    levels: dict[str, tuple[str, dict[int, _Level]]]
    counts: dict[str, list[int]] = field(default_factory=dict)

    def next_label(self, number: str, level: int) -> str:
        """Return the label of the next paragraph of list `number` at `level`, empty for bullets and unnumbered ones."""
        if number not in self.levels or not 0 <= level < _LEVELS:
            return ""
        definition, levels = self.levels[number]
        counts = self.counts.setdefault(definition, [0] * _LEVELS)
        for above in range(level):
            counts[above] = counts[above] or levels.get(above, _Level()).start
        own = levels.get(level, _Level())
        counts[level] = counts[level] + 1 if counts[level] else own.start
        counts[level + 1 :] = [0] * (_LEVELS - level - 1)
        if own.format in ("bullet", "none"):
            return ""
        return re.sub(
            "%([1-9])",
            lambda found: _format(
                counts[int(found[1]) - 1], levels.get(int(found[1]) - 1, _Level("decimal")).format
            ),
            own.text,
        )


def _read_levels(archive: zipfile.ZipFile) -> dict[str, tuple[str, dict[int, _Level]]]:
    root = read_xml(archive, "word/numbering.xml")
    if root is None:
        return {}
    definitions: dict[str, dict[int, _Level]] = {}
    for definition in root.iter(f"{_W}abstractNum"):
        definitions[definition.get(f"{_W}abstractNumId", "")] = {
            _whole(level.get(f"{_W}ilvl")): _Level(
                _value(level, "numFmt") or "decimal",
                _value(level, "lvlText"),
                _whole(_value(level, "start"), 1),
            )
            for level in definition.iter(f"{_W}lvl")
        }
    found = {}
    for number in root.iter(f"{_W}num"):
        identifier, definition = number.get(f"{_W}numId", ""), _value(number, "abstractNumId")
        # A list that starts anew counts for itself.
        restarts = number.find(f".//{_W}startOverride") is not None
        found[identifier] = (
            f"{definition}:{identifier}" if restarts else definition,
            definitions.get(definition, {}),
        )
    return found


def _read_style_numbers(archive: zipfile.ZipFile) -> dict[str, tuple[str, int]]:
    root = read_xml(archive, "word/styles.xml")
    if root is None:
        return {}
    own: dict[str, tuple[str, int]] = {}
    bases: dict[str, str] = {}
    for style in root.iter(f"{_W}style"):
        identifier = style.get(f"{_W}styleId", "")
        bases[identifier] = _value(style, "basedOn")
        properties = style.find(f"{_W}pPr/{_W}numPr")
        if properties is not None:
            own[identifier] = (_value(properties, "numId"), _whole(_value(properties, "ilvl")))
    resolved = {}
    for identifier in bases:
        current, seen = identifier, set()
        while current and current not in own and current not in seen:
            seen.add(current)
            current = bases.get(current, "")
        if current in own:
            resolved[identifier] = own[current]
    return resolved


def _number_of(paragraph: Any, styles: dict[str, tuple[str, int]]) -> tuple[str, int]:
    properties = paragraph.find(f"{_W}pPr")
    if properties is None:
        return "", 0
    by_style = styles.get(_value(properties, "pStyle"), ("", 0))
    own = properties.find(f"{_W}numPr")
    if own is None:
        return by_style
    number = _value(own, "numId") or by_style[0]
    level = _value(own, "ilvl")
    return number, _whole(level) if level else by_style[1]


def _insert_label(paragraph: Any, label: str) -> None:
    from lxml import etree

    properties = paragraph.find(f"{_W}pPr")
    own = properties.find(f"{_W}numPr")
    if own is None:
        own = etree.SubElement(properties, f"{_W}numPr")
    for child in list(own):
        own.remove(child)
    etree.SubElement(own, f"{_W}numId").set(f"{_W}val", "0")
    run = etree.Element(f"{_W}r")
    text = etree.SubElement(run, f"{_W}t")
    text.text = f"{label} "
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    properties.addnext(run)


def _serialise(root: Any) -> bytes:
    from lxml import etree

    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _value(element: Any, name: str) -> str:
    found = element.find(f"{_W}{name}")
    return "" if found is None else str(found.get(f"{_W}val", ""))


def _whole(text: str | None, default: int = 0) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else default


def _format(count: int, kind: str) -> str:
    if kind in ("lowerLetter", "upperLetter") and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters if kind == "lowerLetter" else letters.upper()
    if kind in ("lowerRoman", "upperRoman"):
        return _roman(count) if kind == "upperRoman" else _roman(count).lower()
    if kind.startswith(("chineseCounting", "ideographDigital", "japaneseCounting")) and 0 < count < 100:
        return _chinese(count)
    return f"{count:02d}" if kind == "decimalZero" else str(count)


def _roman(count: int) -> str:
    written = ""
    for value, letters in (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
        (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    ):  # fmt: skip
        written += letters * (count // value)
        count %= value
    return written


def _chinese(count: int) -> str:
    tens, ones = divmod(count, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else _CHINESE_DIGITS[tens] + "十")
    return head + (_CHINESE_DIGITS[ones] if ones or not tens else "")
