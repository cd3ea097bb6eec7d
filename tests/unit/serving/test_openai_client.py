"""The official OpenAI client, unchanged, against a live server."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import openai
import pytest
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import serving

from knowhow.serving.service import Service

QUESTION = "Which key opens drawer 7 of clerk 49?"
ANSWER = "Drawer 7 opens with the key 217 of clerk 49."


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[openai.OpenAI, Service]]:
    folder = make_workspace(tmp_path_factory.mktemp("bot"), examples=12)
    with serving(folder) as (address, service):
        yield (
            openai.OpenAI(
                base_url=f"{address}/v1",
                api_key="unused",
                max_retries=0,
                http_client=httpx2.Client(trust_env=False),
            ),
            service,
        )


def test_a_whole_answer_with_its_sources(live: tuple[openai.OpenAI, Service]) -> None:
    client, _ = live
    reply = client.chat.completions.create(
        model="knowhow", messages=[{"role": "user", "content": QUESTION}], temperature=0.2
    )
    assert reply.choices[0].message.content == ANSWER
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    extension = reply.model_extra["knowhow"]
    assert extension["citations"][0]["document_id"] == "drawer007.md"
    assert extension["ignored"] == ["temperature"]
    assert extension["abstained"] is False
    assert extension["release"] == "unreleased:parrot"


def test_a_streamed_answer_adds_up(live: tuple[openai.OpenAI, Service]) -> None:
    client, _ = live
    chunks = list(
        client.chat.completions.create(
            model="knowhow",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ANSWER
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(ANSWER.split())
    extension = next(
        chunk.model_extra["knowhow"] for chunk in chunks if "knowhow" in (chunk.model_extra or {})
    )
    assert extension["text"] == ANSWER
    assert extension["is_replaced"] is False
    assert len({chunk.id for chunk in chunks}) == 1


def test_earlier_turns_reach_the_strategy_as_history(live: tuple[openai.OpenAI, Service]) -> None:
    client, service = live
    reply = client.chat.completions.create(
        model="knowhow",
        messages=[
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Good day."},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
        ],
    )
    assert reply.choices[0].message.content == ANSWER
    assert "system" in reply.model_extra["knowhow"]["ignored"][0]
    pipeline = service.answerer._pipelines["unreleased:parrot"]
    assert pipeline.histories[-1] == ("Hello", "Good day.")


def test_completions_stream_and_whole(live: tuple[openai.OpenAI, Service]) -> None:
    client, _ = live
    assert client.completions.create(model="knowhow", prompt=QUESTION).choices[0].text == ANSWER
    chunks = client.completions.create(model="knowhow", prompt=QUESTION, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == ANSWER


def test_embeddings_are_those_of_the_index(live: tuple[openai.OpenAI, Service]) -> None:
    client, service = live
    texts = ["a drawer", "another key"]
    expected = service.workspace.components.embedder().embed(texts)
    for options in ({}, {"encoding_format": "float"}):
        reply = client.embeddings.create(model="knowhow-embedder", input=texts, **options)
        for row, vector in zip(reply.data, expected, strict=True):
            assert row.embedding == pytest.approx(vector.tolist(), abs=1e-6)


def test_models_are_listed(live: tuple[openai.OpenAI, Service]) -> None:
    client, _ = live
    assert [model.id for model in client.models.list()] == ["knowhow", "knowhow-embedder"]


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "model_not_found"),
        ({"messages": []}, openai.BadRequestError, "invalid"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "no_question"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, openai.BadRequestError, "too_long"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/"}}]}]}, openai.BadRequestError, "unsupported"),
        ({"n": 2}, openai.BadRequestError, "invalid"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "invalid"),
    ],
)  # fmt: skip
def test_errors_are_those_that_the_client_knows(
    live: tuple[openai.OpenAI, Service],
    options: dict[str, object],
    error: type[openai.APIStatusError],
    code: str,
) -> None:
    client, _ = live
    request = {"model": "knowhow", "messages": [{"role": "user", "content": QUESTION}], **options}
    with pytest.raises(error) as raised:
        client.chat.completions.create(**request)
    assert raised.value.code == code
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "param", "code"}
