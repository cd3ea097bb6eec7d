"""What chat front ends such as Open WebUI expect of a server, written down as they send and read it: plain HTTP, no OpenAI library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import client, serving

QUESTION = "Which key opens drawer 7 of clerk 49?"
ANSWER = "Drawer 7 opens with the key 217 of clerk 49."
# What such a front end adds of its own accord; none of it may be refused.
OPTIONS: dict[str, Any] = {
    "temperature": 0.7, "top_p": 0.9, "max_tokens": 1000, "stop": ["###"], "frequency_penalty": 0, "presence_penalty": 0,
    "seed": 7, "logit_bias": {}, "user": "ada", "stream_options": {"include_usage": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder: Path = make_workspace(tmp_path_factory.mktemp("bot"), examples=12)
    with serving(folder) as (address, service):
        key = service.keys.create("front end", "user", frozenset(), by="test")
        yield client(address, key, Host="host.docker.internal:8600")


def read_events(response: httpx2.Response) -> list[str]:
    return [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]


def test_models_are_a_list_of_ids(session: httpx2.Client) -> None:
    reply = session.get("/v1/models")
    assert reply.headers["content-type"].startswith("application/json")
    body = reply.json()
    assert body["object"] == "list"
    for model in body["data"]:
        assert model["object"] == "model"
        assert isinstance(model["id"], str)
        assert isinstance(model["owned_by"], str)
    assert body["data"][0]["id"] == "knowhow"


def test_a_stream_is_read_line_by_line(session: httpx2.Client) -> None:
    body = {
        "model": "knowhow",
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        **OPTIONS,
    }
    reply = session.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = read_events(reply)
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert choices[0]["delta"]["role"] == "assistant"
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == ANSWER
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert [chunk["choices"] for chunk in chunks if chunk["usage"]] == [[]]
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] > 0


def test_without_the_wish_no_chunk_tells_usage(session: httpx2.Client) -> None:
    body = {"model": "knowhow", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    chunks = [
        json.loads(event) for event in read_events(session.post("/v1/chat/completions", json=body))[:-1]
    ]
    assert all(chunk["choices"] for chunk in chunks)
    assert not any(chunk.get("usage") for chunk in chunks)


def test_titles_and_tags_are_asked_for_without_a_stream(session: httpx2.Client) -> None:
    task = f"### Task:\nGenerate a concise title.\n### Chat History:\n<chat_history>\nUSER: {QUESTION}\n</chat_history>"
    body = {"model": "knowhow", "messages": [{"role": "user", "content": task}], "stream": False, "max_completion_tokens": 1000, "metadata": {"task": "title_generation"}}  # fmt: skip
    reply = session.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200
    choice = reply.json()["choices"][0]
    assert (choice["index"], choice["message"]["role"], choice["finish_reason"]) == (0, "assistant", "stop")
    assert isinstance(choice["message"]["content"], str)


def test_a_conversation_is_sent_whole_each_time(session: httpx2.Client) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": QUESTION},
    ]
    reply = session.post(
        "/v1/chat/completions", json={"model": "knowhow", "messages": turns, **OPTIONS}
    ).json()
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"]["content"] == ANSWER
    assert {"temperature", "stop", "seed"} <= set(reply["knowhow"]["ignored"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "other", "messages": [{"role": "user", "content": "x"}], "stream": True}, 404),
        ({"model": "knowhow", "messages": [], "stream": True}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_before_a_stream_begins(
    session: httpx2.Client, body: dict[str, Any], status: int
) -> None:
    reply = session.post("/v1/chat/completions", json=body)
    assert reply.status_code == status
    assert isinstance(reply.json()["error"]["message"], str)


def test_a_wrong_key_is_told_apart_from_no_server(session: httpx2.Client) -> None:
    reply = session.get("/v1/models", headers={"Authorization": "Bearer none"})
    assert reply.status_code == 401
    assert reply.json()["error"]["type"] == "authentication_error"
