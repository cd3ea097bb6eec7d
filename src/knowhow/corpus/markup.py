"""HTML to Markdown: visible content only, with headings, lists and tables kept."""

from __future__ import annotations

import re
from typing import Any

from knowhow.corpus.normalization import clean_line

_DROPPED_ELEMENTS = (
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "canvas",
    "iframe",
    "object",
    "embed",
    "nav",
    "select",
    "button",
    "dialog",
)
_DROPPED_ATTRIBUTES = ("@hidden", "@aria-hidden='true'", "@role='navigation'", "@role='search'")
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def html_title(source: str) -> str:
    """Return the page's title, or an empty string."""
    found = re.search(r"<title[^>]*>(.*?)</title>", source, re.DOTALL | re.IGNORECASE)
    if not found:
        return ""
    import html

    return clean_line(html.unescape(found[1]))


def html_to_markdown(source: str) -> str:
    """Return what a reader sees of a page as Markdown."""
    tree = visible_tree(source)
    return "" if tree is None else tree_to_markdown(tree)


def visible_tree(source: str) -> Any:
    """Return the body as an lxml tree without scripts, navigation, forms' controls and hidden elements; None when empty."""
    import lxml.html

    parser = lxml.html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, huge_tree=False)
    source = _DECLARATION.sub("", source)
    if not source.strip():
        return None
    root = lxml.html.document_fromstring(source, parser=parser, ensure_head_body=True)
    body = root.find("body")
    unseen = " | ".join(
        [f".//{name}" for name in _DROPPED_ELEMENTS] + [f".//*[{test}]" for test in _DROPPED_ATTRIBUTES]
    )
    for element in body.xpath(unseen):
        if element.getparent() is not None:
            element.drop_tree()
    for element in body.xpath(".//*[@style]"):
        if _HIDING.search(element.get("style", "")) and element.getparent() is not None:
            element.drop_tree()
    return body


def tree_to_markdown(tree: Any) -> str:
    """Return an lxml tree as Markdown with ATX headings and pipe tables."""
    import lxml.html
    from markdownify import markdownify

    source = lxml.html.tostring(tree, encoding="unicode")
    return str(
        markdownify(
            source,
            heading_style="ATX",
            bullets="-",
            strip=["a", "img"],
            table_infer_header=True,
            escape_asterisks=False,
            escape_underscores=False,
            escape_misc=False,
        )
    )
