"""Text of a web page that its readers cannot see: by style, by colour, by size, beside the page, in comments and attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from knowhow.defence.hidden import Concealed

_USUAL = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$|!)",
    re.IGNORECASE,
)
_TINY = re.compile(r"font-size\s*:\s*(?:0?\.\d+|[0-2](?:\.\d+)?)\s*(?:px|pt)?\s*(?:;|$|!)", re.IGNORECASE)
_OFF_PAGE = re.compile(
    r"(?:left|top|right|bottom|text-indent|margin-left|margin-top)\s*:\s*-\s*\d{3,}|clip\s*:\s*rect\(\s*0|transform\s*:\s*scale\(\s*0\s*\)",
    re.IGNORECASE,
)
_NO_COLOUR = re.compile(
    r"(?<![-\w])color\s*:\s*(?:white|transparent|#fff(?:f{3})?\b|#fefefe|rgba?\(\s*25[0-5]\s*,\s*25[0-5]\s*,\s*25[0-5]|rgba\([^)]*,\s*0(?:\.0\d*)?\s*\)|hsla?\([^)]*,\s*100%\s*[,)])",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"background", re.IGNORECASE)
_WHITE_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*(?:white|#fff(?:f{3})?\b)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SIMPLE = re.compile(r"[a-z][\w-]*|(?:[a-z][\w-]*)?[.#][\w-]+", re.IGNORECASE)
_ATTRIBUTES = "//@alt | //@title | //@aria-label | //meta/@content | //@placeholder | //@data-prompt"
_MOST_COMMENTS = 200

Technique = Literal["sure", "off_page", "usual"]


def find_hidden_elements(root: Any) -> list[tuple[Any, Technique]]:
    """Return the elements that style, whether of their own or by a plain rule of the page, keeps from being seen."""
    found: list[tuple[Any, Technique]] = []
    rules = [*_hiding_rules(root)]
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in ("style", "script", "head", "html", "body"):
            continue
        styles = [
            element.get("style", ""),
            *(text for selector, text in rules if _matches(element, selector)),
        ]
        style = ";".join(filter(None, styles))
        technique = _technique(element, style) if style else None
        if technique is not None:
            found.append((element, technique))
    return found


def read_unseen(source: str, root: Any) -> Iterator[Concealed]:
    """Yield comments and attributes: honest pages have them, orders to a model do not belong there."""
    for match in list(_COMMENT.finditer(source))[:_MOST_COMMENTS]:
        yield Concealed(match[1], "usual")
    for value in root.xpath(_ATTRIBUTES):
        yield Concealed(str(value), "usual")


def _technique(element: Any, style: str) -> Technique | None:
    if _TINY.search(style):
        return "sure"
    if _NO_COLOUR.search(style):
        if _has_background(element, style):
            return None
        return "sure" if not _is_styled(element) else "usual"
    if _OFF_PAGE.search(style):
        return "off_page"
    return "usual" if _USUAL.search(style) else None


def _has_background(element: Any, style: str) -> bool:
    """Say whether white text stands on something that is not white, as far as the page itself says."""
    styles = [style, *(above.get("style", "") for above in element.iterancestors())]
    colours = [
        above.get("bgcolor") or above.get("background") for above in (element, *element.iterancestors())
    ]
    has_own = any(_BACKGROUND.search(text) and not _WHITE_BACKGROUND.search(text) for text in styles)
    return has_own or any(colour and colour.lower() not in ("white", "#ffffff", "#fff") for colour in colours)


def _is_styled(element: Any) -> bool:
    """Say whether classes may give it a background that stands in a file elsewhere."""
    return any(above.get("class") or above.get("id") for above in (element, *element.iterancestors()))


def _hiding_rules(root: Any) -> Iterator[tuple[str, str]]:
    for sheet in root.xpath("//style"):
        for match in _RULE.finditer((sheet.text or "")[:200_000]):
            is_hiding = any(test.search(match[2]) for test in (_USUAL, _TINY, _OFF_PAGE, _NO_COLOUR))
            if is_hiding:
                for selector in match[1].split(","):
                    if _SIMPLE.fullmatch(selector.strip()):
                        yield selector.strip(), match[2]


def _matches(element: Any, selector: str) -> bool:
    name, mark, rest = (
        re.split(r"([.#])", selector, maxsplit=1) if re.search("[.#]", selector) else (selector, "", "")
    )
    if name and element.tag != name.lower():
        return False
    if mark == "#":
        return bool(element.get("id") == rest)
    return not mark or rest in (element.get("class") or "").split()
