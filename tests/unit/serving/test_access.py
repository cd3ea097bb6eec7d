"""Who may do what: every route × role stands in one table, and a route without a row fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.releases.workspaces import SECRET, make_workspace, run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.serving.application import ROUTES
from knowhow.serving.service import Service
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

ROLES = ("nobody", "user", "reviewer", "admin")
QUESTION = "Which key opens drawer 7 of clerk 49?"
CHAT = {"model": "knowhow", "messages": [{"role": "user", "content": QUESTION}]}
FORM = "application/x-www-form-urlencoded"

# (method, path, what is sent) -> status for nobody, user, reviewer, admin.
# A page sends a stranger to /login (303); 404, 409 and 415 mean "let in, but this thing is not there or not in this form".
TABLE: dict[tuple[str, str, str], tuple[int, int, int, int]] = {
    ("POST", "/v1/chat/completions", "chat"): (401, 200, 200, 200),
    ("POST", "/v1/completions", "prompt"): (401, 200, 200, 200),
    ("POST", "/v1/embeddings", "input"): (401, 200, 200, 200),
    ("GET", "/v1/models", ""): (401, 200, 200, 200),
    ("GET", "/api/health", ""): (200, 200, 200, 200),
    ("GET", "/api/health/details", ""): (401, 403, 403, 200),
    ("POST", "/api/ask", "question"): (401, 200, 200, 200),
    ("GET", "/api/documents", ""): (401, 200, 200, 200),
    ("GET", "/api/documents/{name:path}", ""): (401, 200, 200, 200),
    ("PUT", "/api/documents/{name:path}", "file"): (401, 403, 403, 200),
    ("POST", "/api/ingest", ""): (401, 403, 403, 202),
    ("GET", "/api/ingest", ""): (401, 403, 403, 200),
    ("GET", "/metrics", ""): (401, 403, 200, 200),
    ("GET", "/api/monitoring", ""): (401, 403, 200, 200),
    ("GET", "/api/suggestion", ""): (401, 403, 200, 200),
    ("GET", "/api/traffic", ""): (401, 403, 200, 200),
    ("POST", "/api/traffic/stop", "reason"): (401, 403, 403, 409),
    ("POST", "/api/outcomes", "outcome"): (401, 404, 404, 404),
    ("POST", "/api/feedback", "feedback"): (401, 404, 404, 404),
    ("GET", "/api/feedback", ""): (401, 403, 200, 200),
    ("POST", "/api/feedback/{name}/reviews", "review"): (401, 403, 404, 404),
    ("GET", "/api/releases", ""): (401, 403, 200, 200),
    ("POST", "/api/releases/promote", "promote"): (401, 403, 403, 404),
    ("POST", "/api/releases/rollback", "reason"): (401, 403, 403, 409),
    ("GET", "/api/releases/{name}", ""): (401, 403, 404, 404),
    ("GET", "/api/releases/{name}/diff/{other}", ""): (401, 403, 404, 404),
    ("POST", "/api/releases", "release"): (401, 403, 403, 404),
    ("GET", "/api/examples", ""): (401, 403, 200, 200),
    ("POST", "/api/examples", "example"): (401, 403, 404, 404),
    ("GET", "/api/examples/check", ""): (401, 403, 200, 200),
    ("GET", "/api/runs", ""): (401, 403, 200, 200),
    ("GET", "/api/runs/{name}", ""): (401, 403, 404, 404),
    ("POST", "/api/compare", "compare"): (401, 403, 403, 404),
    ("POST", "/api/train", "train"): (401, 403, 403, 404),
    ("GET", "/api/tasks", ""): (401, 403, 200, 200),
    ("GET", "/api/tasks/{name}", ""): (401, 403, 404, 404),
    ("GET", "/api/tasks/{name}/events", ""): (401, 403, 404, 404),
    ("POST", "/api/tasks/{name}/stop", ""): (401, 403, 403, 404),
    ("DELETE", "/api/documents/{name:path}", ""): (401, 403, 403, 400),
    ("GET", "/api/receipts/{name}", ""): (401, 403, 403, 404),
    ("GET", "/openapi.json", ""): (401, 200, 200, 200),
    ("GET", "/", ""): (303, 200, 200, 200),
    ("GET", "/ask", ""): (303, 200, 200, 200),
    ("POST", "/ask", "form"): (303, 200, 200, 200),
    ("GET", "/answers/{name}", ""): (303, 404, 404, 404),
    ("POST", "/feedback", "form"): (303, 404, 404, 404),
    ("GET", "/documents", ""): (303, 200, 200, 200),
    ("GET", "/documents/{name:path}", ""): (303, 200, 200, 200),
    ("POST", "/ingest", "form"): (303, 403, 403, 303),
    ("POST", "/documents/delete", "form"): (303, 403, 403, 404),
    ("GET", "/receipts/{name}", ""): (303, 403, 403, 404),
    ("GET", "/examples", ""): (303, 403, 200, 200),
    ("POST", "/examples", "unknown document"): (303, 403, 404, 404),
    ("GET", "/compare", ""): (303, 403, 200, 200),
    ("POST", "/compare", "unknown strategy"): (303, 403, 403, 404),
    ("GET", "/compare/{name}", ""): (303, 403, 404, 404),
    ("GET", "/compare/{name}/questions", ""): (303, 403, 404, 404),
    ("GET", "/compare/{name}/report", ""): (303, 403, 404, 404),
    ("GET", "/train", ""): (303, 403, 200, 200),
    ("POST", "/train", "form"): (303, 403, 403, 404),
    ("GET", "/tasks/{name}", ""): (303, 403, 404, 404),
    ("POST", "/tasks/{name}/stop", "form"): (303, 403, 403, 404),
    ("GET", "/health", ""): (303, 403, 403, 200),
    ("GET", "/releases", ""): (303, 403, 200, 200),
    ("POST", "/releases", "form"): (303, 403, 403, 404),
    ("POST", "/releases/promote", "form"): (303, 403, 403, 404),
    ("POST", "/releases/rollback", "form"): (303, 403, 403, 409),
    ("GET", "/review", ""): (303, 403, 200, 200),
    ("POST", "/review", "form"): (303, 403, 400, 400),
    ("GET", "/advise", ""): (303, 200, 200, 200),
    ("GET", "/login", ""): (200, 200, 200, 200),
    ("POST", "/login", "form"): (401, 401, 401, 401),
    ("POST", "/logout", "form"): (303, 303, 303, 303),
    ("GET", "/static/{name}", ""): (200, 200, 200, 200),
}
BODIES: dict[str, Any] = {
    "chat": CHAT,
    "prompt": {"prompt": QUESTION},
    "input": {"input": "a drawer"},
    "question": {"question": QUESTION},
    "feedback": {"answer_id": "none", "rating": "up"},
    "review": {"verdict": "right"},
    "promote": {"release": "none", "reason": "r"},
    "reason": {"reason": "r"},
    "outcome": {"answer_id": "none", "success": 1.0},
    "release": {"run": "none", "strategy": "rag", "reason": "r"},
    "example": {"question": "Why?", "document": "none"},
    "compare": {"strategies": ["none", "rag"]},
    "train": {"strategy": "none"},
}
FORMS = {
    "form": "question=Which+drawer&reason=r",
    "unknown document": "question=Why&document=none",
    "unknown strategy": "strategy=none&strategy=rag",
}


class Live:
    """The server with a client for each role."""

    def __init__(self, address: str, service: Service, keys: dict[str, str]) -> None:
        self.address, self.service, self.keys = address, service, keys
        self.clients = {role: client(address, keys.get(role, "")) for role in (*ROLES, "staff")}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=12)
    with serving(folder) as (address, service):
        keys = {role: service.keys.create(role, role, frozenset(), by="test") for role in ROLES[1:]}
        keys["staff"] = service.keys.create("staff", "reviewer", frozenset({"staff"}), by="test")
        yield Live(address, service, keys)


def call(live: Live, role: str, method: str, path: str, kind: str) -> httpx2.Response:
    name = "app.css" if "static" in path else "drawer007.md" if "documents" in path else "none"
    address = path.replace("{name:path}", name).replace("{name}", name).replace("{other}", name)
    options: dict[str, Any] = {"json": BODIES[kind]} if kind in BODIES else {}
    if kind in FORMS:
        options = {
            "content": FORMS[kind],
            "headers": {"Content-Type": FORM, "Origin": live.address},
        }
    if kind == "file":
        options = {"content": b"A drawer."}
    return live.clients[role].request(method, address, **options)


def test_every_route_has_a_row() -> None:
    assert {(route.method, route.path) for route in ROUTES} == {(method, path) for method, path, _ in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
def test_role_by_role(live: Live, row: tuple[str, str, str]) -> None:
    found = tuple(call(live, role, *row).status_code for role in ROLES)
    assert found == TABLE[row]


@pytest.mark.parametrize("path", ["/nothing", "/docs", "/redoc", "/v1", "/static/../keys.jsonl", "/static/%2e%2e/guard.py", "//api/nothing"])  # fmt: skip
def test_what_is_not_in_the_table_is_not_there(live: Live, path: str) -> None:
    assert live.clients["nobody"].get(path).status_code in (401, 404)
    assert live.clients["admin"].get(path).status_code == 404


def test_a_hidden_document_looks_like_none(live: Live) -> None:
    hidden = live.clients["admin"].get("/api/documents/internal/limits.md")
    missing = live.clients["admin"].get("/api/documents/internal/nothing.md")
    assert (hidden.status_code, hidden.text) == (missing.status_code, missing.text)
    assert hidden.status_code == 404
    shown = live.clients["staff"].get("/api/documents/internal/limits.md")
    assert shown.json()["text"] == SECRET
    for role in ROLES[1:]:
        assert "limits" not in live.clients[role].get("/api/documents").text
        assert "limits" not in live.clients[role].get("/documents").text
        assert live.clients[role].get("/documents/internal/limits.md").status_code == 404


def test_groups_of_the_key_decide_what_is_answered(live: Live) -> None:
    body = {"question": "How much may staff refund without asking the head of desk?"}
    assert SECRET not in live.clients["user"].post("/api/ask", json=body).text
    answer = live.clients["staff"].post("/api/ask", json=body).json()
    assert answer["text"] == SECRET
    given = {"answer_id": answer["answer_id"], "rating": "down", "correction": "Ask the head of desk."}
    assert live.clients["reviewer"].post("/api/feedback", json=given).status_code == 404
    feedback = live.clients["staff"].post("/api/feedback", json=given).json()["id"]
    assert feedback not in live.clients["reviewer"].get("/api/feedback").text
    assert feedback not in live.clients["reviewer"].get("/review").text
    review = {"verdict": "wrong"}
    assert live.clients["reviewer"].post(f"/api/feedback/{feedback}/reviews", json=review).status_code == 404
    assert feedback in live.clients["staff"].get("/api/feedback").text
    kept = live.clients["staff"].post(f"/api/feedback/{feedback}/reviews", json=review).json()
    assert kept["example"] == f"feedback-{feedback}"


def test_a_revoked_key_is_refused_at_the_next_request(live: Live) -> None:
    token = live.service.keys.create("gone", "user", frozenset(), by="test")
    own = client(live.address, token)
    assert own.get("/v1/models").status_code == 200
    browser = client(live.address)
    form = {"content": f"key={token}", "headers": {"Content-Type": FORM, "Origin": live.address}}
    assert browser.post("/login", **form).status_code == 303
    assert browser.get("/ask").status_code == 200
    live.service.keys.revoke("gone", by="test")
    assert own.get("/v1/models").status_code == 401
    assert browser.get("/ask").status_code == 303


def test_keys_on_disk_are_digests(live: Live) -> None:
    text = live.service.keys.path.read_text()
    assert all(token not in text and token[3:] not in text for token in live.keys.values())
    assert len(text.splitlines()) >= 4


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic {key}"}, 401),
        ({"Authorization": "bearer {key}"}, 200),
        ({"X-Api-Key": "{key}"}, 401),
        ({"Cookie": "knowhow_session={key}"}, 401),
    ],
)
def test_credentials(live: Live, headers: dict[str, str], status: int) -> None:
    filled = {name: value.replace("{key}", live.keys["user"]) for name, value in headers.items()}
    assert client(live.address, **filled).get("/v1/models").status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{own}"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "{own}", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_another_site_cannot_use_a_signed_in_browser(
    live: Live, headers: dict[str, str], status: int
) -> None:
    browser = client(live.address)
    browser.post(
        "/login", content=f"key={live.keys['user']}", headers={"Content-Type": FORM, "Origin": live.address}
    )
    filled = {name: value.replace("{own}", live.address) for name, value in headers.items()}
    response = browser.post(
        "/api/ask",
        content=json.dumps({"question": QUESTION}),
        headers={"Content-Type": "application/json", **filled},
    )
    assert response.status_code == status


def test_without_keys_only_this_machine_by_its_own_name(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot", examples=3)
    with serving(folder, groups=frozenset({"staff"})) as (address, service):
        own = client(address)
        assert own.get("/api/health/details").status_code == 200
        assert own.get("/api/documents/internal/limits.md").json()["text"] == SECRET
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
            assert client(address, Host=host).get("/api/health").status_code in (400, 403)
        for host in ("localhost:1", "127.0.0.1", "[::1]:8600", "LOCALHOST"):
            assert client(address, Host=host).get("/api/health").status_code == 200
        assert own.post("/api/ingest", headers={"Origin": "https://evil.example"}).status_code == 403
        service.keys.create("first", "user", frozenset(), by="test")
        assert own.get("/api/documents").status_code == 401
        service.keys.revoke("first", by="test")
        assert own.get("/api/documents").status_code == 401


def test_a_release_is_asked_by_name_only_by_reviewers(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "bot", examples=40)
    run = run_comparison(folder)
    with Workspace(folder) as workspace:
        release = workspace.release(ReleaseOrder(run, "parrot", "r", "ada")).id
    with serving(folder) as (address, service):
        keys = {
            role: service.keys.create(role, role, frozenset(), by="test") for role in ("user", "reviewer")
        }
        body = {**CHAT, "model": release}
        assert client(address, keys["user"]).post("/v1/chat/completions", json=body).status_code == 404
        reply = client(address, keys["reviewer"]).post("/v1/chat/completions", json=body).json()
        assert reply["knowhow"]["release"] == release
        assert release not in client(address, keys["user"]).get("/v1/models").text
        assert release in client(address, keys["reviewer"]).get("/v1/models").text
