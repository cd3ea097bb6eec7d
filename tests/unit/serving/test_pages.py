"""The pages without a browser's help: they work by forms alone, escape everything, and load nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.serving.passages import Leaf, Piece, cut_passage, link_passage, split_answer
from knowhow.serving.service import Service
from knowhow.types import Answer, Citation, Document, Region
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

QUESTION = "Which key opens drawer 7 of clerk 49?"
EVIL = "<script src=https://evil.example/x.js></script><img src=https://evil.example/p.png> [link](https://evil.example) tiger"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx2.Client, Service]]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=40)
    (folder / "documents" / "evil.txt").write_text(EVIL)
    run = run_comparison(folder)
    with Workspace(folder) as workspace:
        workspace.ingest()
        for name, override in (("parrot", ""), ("mute", "<i>no reason</i>")):
            made = workspace.release(ReleaseOrder(run, name, "r", "ada", override))
            workspace.promote(made.id, by="ada", reason="go")
        workspace.releases.rollback(by="ada", reason="back")
    with serving(folder) as (address, service):
        yield client(address, Accept="text/html"), service


def post(session: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    return session.post(
        path, content=urlencode(fields), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )


def test_from_question_to_example_by_forms_alone(live: tuple[httpx2.Client, Service]) -> None:
    session, service = live
    page = post(session, "/ask", question=QUESTION).text
    assert "Drawer 7 opens with the key 217 of clerk 49." in page
    link = re.search(r'href="(/documents/drawer007\.md[^"]*)"', page)
    assert link is not None
    document = session.get(link[1].replace("&amp;", "&")).text
    assert '<mark id="passage">Drawer 7 opens with the key 217 of clerk 49.</mark>' in document
    answer_id = re.search(r'name="answer_id" value="([0-9a-f]+)"', page)
    assert answer_id is not None
    thanks = post(
        session, "/feedback", answer_id=answer_id[1], rating="", correction="No key at all.", wrong_source="1"
    )
    assert "Thank you" in thanks.text
    queue = session.get("/review").text
    feedback = re.search(r'name="feedback" value="([0-9a-f]+)"', queue)
    assert feedback is not None
    assert "No key at all." in queue
    assert (
        post(session, "/review", feedback=feedback[1], verdict="wrong", answer="No key at all.").status_code
        == 303
    )
    rows = (service.workspace.root / "examples.jsonl").read_text().splitlines()
    assert f'"feedback-{feedback[1]}"' in rows[-1]
    assert "Nothing waits" in session.get("/review").text


def test_promote_and_roll_back_by_forms(live: tuple[httpx2.Client, Service]) -> None:
    session, service = live
    before = service.answerer.standing().champion
    other = next(item.id for item in service.workspace.releases.releases() if item.id != before)
    assert post(session, "/releases/promote", release=other, reason="try").status_code == 303
    assert service.answerer.standing().champion == other
    assert post(session, "/releases/rollback", to=before, reason="no").status_code == 303
    assert service.answerer.standing().champion == before
    refused = post(session, "/releases/promote", release=other, reason=" ")
    assert refused.status_code == 409
    assert "person and a reason" in refused.text
    assert "&lt;i&gt;no reason&lt;/i&gt;" in session.get("/releases").text


def test_nothing_of_a_document_becomes_markup(live: tuple[httpx2.Client, Service]) -> None:
    session, _ = live
    page = post(session, "/ask", question="tiger").text
    assert "&lt;script" in page
    for text in (page, session.get("/documents/evil.txt?start=0&end=20").text):
        addresses = re.findall(r'(?:src|href|action|formaction|poster|data|srcset)\s*=\s*"([^"]*)"', text)
        assert addresses
        assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in addresses)
        assert text.count("<script") == 1


@pytest.mark.parametrize("path", ["/", "/ask", "/documents", "/documents/evil.txt", "/examples", "/compare", "/train", "/releases", "/review", "/health", "/login", "/nothing", "/static/app.js", "/api/health"])  # fmt: skip
def test_the_policy_stands_on_every_response(live: tuple[httpx2.Client, Service], path: str) -> None:
    headers = live[0].get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert set(policy.values()) <= {"'none'", "'self'"}
    assert headers["x-content-type-options"] == "nosniff"
    # With "no-referrer" browsers send forms with "Origin: null", which the guard refuses.
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/", "/ask", "/documents", "/examples", "/compare", "/train", "/releases", "/review", "/health"]
)
def test_pages_can_be_used_by_keyboard_and_reader(live: tuple[httpx2.Client, Service], path: str) -> None:
    page = live[0].get(path).text
    assert '<html lang="en">' in page
    assert page.count("<h1>") == 1
    assert 'href="#main"' in page
    for field in re.findall(r"<(?:input|textarea|select)[^>]*>", page):
        if 'type="hidden"' in field:
            continue
        name = re.search(r'\bid="([^"]+)"', field)
        before = page[: page.index(field)]
        is_wrapped = before.rfind("<label") > before.rfind("</label>")
        assert is_wrapped or "aria-label=" in field or (name and f'for="{name[1]}"' in page), field


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/documents/nothing.md", 404),
        ("/documents/internal/limits.md", 404),
        ("/answers/x", 404),
        ("/nothing", 404),
    ],
)
def test_a_browser_gets_errors_as_pages(live: tuple[httpx2.Client, Service], path: str, status: int) -> None:
    page = live[0].get(path)
    assert page.status_code == status
    assert "<h1>Not done</h1>" in page.text
    assert str(Path(__file__).parent) not in page.text


def test_uploads_stay_in_the_folder_and_are_answered_from_after_ingest(
    live: tuple[httpx2.Client, Service],
) -> None:
    session, service = live
    folder = service.workspace.root / "documents"
    for name in (
        "../evil.md",
        "%2e%2e%2fevil.md",
        "a/../../evil.md",
        ".hidden.md",
        "a//b.md",
        "C:%5Cevil.md",
    ):
        assert session.put(f"/api/documents/{name}", content=b"x").status_code in (404, 405, 409)
    assert not (service.workspace.root / "evil.md").exists()
    assert (
        session.put("/api/documents/new/safe.md", content=b"The safe opens on Sundays only.").status_code
        == 200
    )
    assert (folder / "new" / "safe.md").read_bytes() == b"The safe opens on Sundays only."
    assert session.post("/api/ingest").status_code == 202
    for _ in range(600):
        outcome = session.get("/api/ingest").json()
        if outcome["state"] != "running":
            break
    assert outcome["state"] == "done", outcome
    assert outcome["result"]["added"] == 1
    answer = session.post("/api/ask", json={"question": "When does the safe open on Sundays?"}).json()
    assert answer["text"] == "The safe opens on Sundays only."


def test_too_large_bodies_are_refused_before_they_are_read(live: tuple[httpx2.Client, Service]) -> None:
    session, _ = live
    large = b"x" * (1024 * 1024 + 1)
    assert session.post("/api/ask", content=large).status_code == 413
    assert session.post("/api/ask", content=iter([large[:1000], large])).status_code == 413


def test_markers_of_unknown_sources_stay_text() -> None:
    answer = Answer("Yes [1], no [7] [x].", (Citation(1, "c", "d ö/1.md", 3, 9),))
    assert split_answer(answer) == [Piece("Yes "), Piece("[1]", 1), Piece(", no [7] [x].")]
    assert link_passage(answer.citations[0]) == "/documents/d%20%C3%B6/1.md?start=3&end=9#passage"


@pytest.mark.parametrize(
    ("span", "parts"),
    [((1, 3), ("a", "bc", "d")), ((0, 4), ("", "abcd", "")), ((3, 1), ("", "", "abcd")), ((-1, 2), ("", "", "abcd")), ((0, 9), ("", "", "abcd"))],
)  # fmt: skip
def test_only_possible_spans_are_highlighted(span: tuple[int, int], parts: tuple[str, str, str]) -> None:
    assert cut_passage(Document("d", "t", "abcd"), *span) == [Leaf(None, *parts)]


@pytest.mark.parametrize(
    ("span", "leaves"),
    [
        ((4, 6), [(1, "one ", "", ""), (2, "", "tw", "o "), (3, "", "", "three")]),
        ((2, 10), [(1, "on", "e ", ""), (2, "", "two ", ""), (3, "", "th", "ree")]),
        ((0, 0), [(1, "", "", "one "), (2, "", "", "two "), (3, "", "", "three")]),
    ],
)
def test_a_passage_stands_on_its_page(span: tuple[int, int], leaves: list[tuple[int, str, str, str]]) -> None:
    regions = (Region(0, 4, 1), Region(4, 6, 2), Region(6, 8, 2), Region(8, 13, 3))
    document = Document("d", "t", "one two three", regions=regions)
    assert cut_passage(document, *span) == [Leaf(*leaf) for leaf in leaves]
