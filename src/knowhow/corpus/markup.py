"""HTML to Markdown: what a reader of the page sees, with headings, lists and tables kept and navigation left out."""

from __future__ import annotations

import html
import re
from typing import Any

from knowhow.corpus.hidden_markup import find_hidden_elements, read_unseen
from knowhow.corpus.html_tables import tidy_tables
from knowhow.corpus.normalization import clean_line, strip_controls
from knowhow.defence.hidden import Concealed

_UNSEEN_ELEMENTS = (
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "nav", "select", "button",
    "dialog", "map", "audio", "video",
)  # fmt: skip
_UNSEEN_ATTRIBUTES = ("@hidden", "@aria-hidden='true'", "@role='navigation'", "@role='search'")
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_EDGES = ".//header | .//footer | .//aside"
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_MIN_LINKS = 4
_LINK_SHARE = 0.75


def html_title(source: str) -> str:
    """Return the page's title, or an empty string."""
    found = _TITLE.search(source[:200_000])
    return clean_line(html.unescape(found[1])) if found else ""


def html_to_markdown(source: str, concealed: list[Concealed] | None = None) -> str:
    """Return what a reader sees of a page as Markdown; what is left out because it cannot be seen goes into `concealed`."""
    tree = visible_tree(source, concealed)
    if tree is None:
        return ""
    prune_navigation(tree)
    return tree_to_markdown(tree)


def visible_tree(source: str, concealed: list[Concealed] | None = None) -> Any:
    """Return the body as an lxml tree without scripts, controls and hidden elements; None when the page is empty.

    What was hidden, with comments and attributes, goes into `concealed`.
    """
    import lxml.html
    from lxml import etree

    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, huge_tree=False)
    source = strip_controls(_DECLARATION.sub("", source))
    if not source.strip():
        return None
    try:
        root = lxml.html.document_fromstring(source, parser=parser, ensure_head_body=True)
    except etree.ParserError:
        return None
    body = root.find("body")
    hidden = find_hidden_elements(root)
    if concealed is not None:
        concealed += [Concealed(element.text_content(), technique) for element, technique in hidden]
        concealed += read_unseen(source, root)
    tests = [f".//{name}" for name in _UNSEEN_ELEMENTS] + [f".//*[{test}]" for test in _UNSEEN_ATTRIBUTES]
    _drop(body.xpath(" | ".join(tests)))
    _drop([element for element in body.xpath(".//*[@style]") if _HIDING.search(element.get("style", ""))])
    _drop([element for element, technique in hidden if technique == "sure"])
    return body


def prune_navigation(body: Any) -> None:
    """Drop page edges around a main part, and blocks that are nearly only links, unless they are most of the page."""
    whole = len(body.text_content())
    mains = body.xpath(".//main | .//article | .//*[@role='main']")
    if sum(len(main.text_content()) for main in mains if not _has_ancestor(main, mains)) * 2 > whole:
        _drop([edge for edge in body.xpath(_EDGES) if not _has_ancestor(edge, mains)])
    menus = [
        block for block in body.xpath(".//ul | .//ol | .//div | .//section | .//p | .//header | .//footer")
        if _is_menu(block)
    ]  # fmt: skip
    outermost = [menu for menu in menus if not _has_ancestor(menu, menus)]
    if sum(len(menu.text_content()) for menu in outermost) * 2 < len(body.text_content()):
        _drop(outermost)


def tree_to_markdown(tree: Any) -> str:
    """Return an lxml tree as Markdown with ATX headings and pipe tables, without marks for bold, italics and links."""
    import lxml.html
    from markdownify import markdownify

    tidy_tables(tree)
    _collapse_space(tree)
    source = lxml.html.tostring(tree, encoding="unicode")
    return str(
        markdownify(
            source,
            heading_style="ATX",
            bullets="-",
            strip=["a", "img", "b", "strong", "em", "i", "u", "s", "del", "sub", "sup"],
            escape_asterisks=False,
            escape_underscores=False,
            escape_misc=False,
        )
    )


def _is_menu(block: Any) -> bool:
    links = block.findall(".//a")
    if len(links) < _MIN_LINKS or block.find(".//table") is not None:
        return False
    total = len(_SPACE.sub(" ", block.text_content()).strip())
    linked = sum(len(_SPACE.sub(" ", link.text_content()).strip()) for link in links)
    return linked >= _LINK_SHARE * total


def _has_ancestor(element: Any, among: list[Any]) -> bool:
    chosen = set(among)
    return any(ancestor in chosen for ancestor in element.iterancestors())


def _drop(elements: list[Any]) -> None:
    for element in elements:
        if element.getparent() is not None:
            element.drop_tree()


def _collapse_space(tree: Any) -> None:
    """Make every run of white space one space, as a browser shows it, except in preformatted text."""
    for element in tree.iter():
        is_preformatted = _is_preformatted(element)
        if element.text and not is_preformatted:
            element.text = _SPACE.sub(" ", strip_controls(element.text))
        if element.tail and not (element.getparent() is not None and _is_preformatted(element.getparent())):
            element.tail = _SPACE.sub(" ", strip_controls(element.tail))


def _is_preformatted(element: Any) -> bool:
    return element.tag in ("pre", "textarea") or any(
        ancestor.tag in ("pre", "textarea") for ancestor in element.iterancestors()
    )
