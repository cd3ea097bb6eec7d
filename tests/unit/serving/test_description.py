"""The description of the interface: complete, and true of what the routes do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import client, serving

from knowhow.serving.application import ROUTES


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with serving(make_workspace(tmp_path_factory.mktemp("bot"), examples=3)) as (address, _):
        yield client(address)


def test_every_route_is_described_with_its_role_and_errors(session: httpx2.Client) -> None:
    schema = session.get("/openapi.json").json()
    described = {(method.upper(), path) for path, item in schema["paths"].items() for method in item}
    assert described == {
        (route.method, route.path.replace(":path", "")) for route in ROUTES if not route.is_page
    }
    for route in ROUTES:
        if route.is_page:
            continue
        operation = schema["paths"][route.path.replace(":path", "")][route.method.lower()]
        assert ("security" in operation) == (route.access != "public")
        assert {"400", "401", "403", "404", "413", "429", "503"} <= set(operation["responses"])
    names = [item["operationId"] for path in schema["paths"].values() for item in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/v1/completions", {"json": {"prompt": "x", "echo": 0}}, 400),
        ("POST", "/v1/completions", {"json": {"prompt": "x", "echo": False}}, 200),
        ("POST", "/v1/completions", {"json": {"prompt": "x", "best_of": 2}}, 400),
        ("POST", "/v1/chat/completions", {"content": b"{"}, 400),
        ("POST", "/v1/chat/completions", {"content": b"\xff\xfe"}, 400),
        ("POST", "/v1/chat/completions", {"content": b'{"messages": [{"role": "user", "content": ' + b"[" * 5000}, 400),
        ("POST", "/v1/embeddings", {"json": {"input": []}}, 400),
        ("POST", "/v1/embeddings", {"json": {"input": ["x"] * 257}}, 400),
        ("POST", "/v1/embeddings", {"json": {"input": "x", "model": "other"}}, 404),
        ("POST", "/api/ask", {"json": {"question": "x", "colour": "red"}}, 400),
        ("POST", "/api/feedback", {"json": {"answer_id": "x", "rating": "sideways"}}, 400),
        ("PUT", "/api/documents/a.md", {"content": b""}, 400),
        ("GET", "/api/releases/promote", {}, 405),
        ("DELETE", "/api/ask", {}, 405),
        ("POST", "/ask", {"json": {"question": "x"}}, 415),
        ("POST", "/ask", {"content": "a=1&" * 100, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
    ],
)  # fmt: skip
def test_wrong_requests_get_one_shape_of_error(
    session: httpx2.Client, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    response = session.request(method, path, headers=headers, **options)
    assert response.status_code == status, response.text
    if status >= 400:
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        assert "Traceback" not in response.text
    if status == 405:
        assert "GET" not in response.headers["allow"]
