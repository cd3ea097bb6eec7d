"""The generator contract over every engine: on random weights, a local endpoint and the fake; nothing is downloaded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from knowhow.errors import BackendError, ConfigError
from knowhow.formats import find_violations
from knowhow.generation.control import BREAK
from knowhow.models.gguf_file import read_header
from knowhow.models.huggingface import convert_to_huggingface
from knowhow.models.quantisation import requantise
from knowhow.protocols import Generator
from knowhow.registry import build, find, names
from knowhow.testing.fakes import FakeGenerator
from knowhow.testing.generator_contract import GeneratorContract, ask
from knowhow.testing.tiny_model import write_tiny_gguf
from knowhow.types import Decoding, Format

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "covered": {"type": "boolean"},
            "passage": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        "required": ["covered", "passage"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def directory(gguf: Path) -> Path:
    convert_to_huggingface(gguf, gguf.parent / "huggingface")
    return gguf.parent / "huggingface"


@pytest.fixture(scope="module")
def llama(gguf: Path) -> Iterator[Generator]:
    generator = build("generator", "llama_cpp", {"model": str(gguf), "window_tokens": 512, "threads": 1})
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def torch_generator(directory: Path) -> Iterator[Generator]:
    pytest.importorskip("torch", reason="the transformers engine needs the train extra")
    options = {"model": str(directory), "window_tokens": 512, "threads": 1, "batch_size": 2}
    generator = build("generator", "transformers", options)
    yield generator
    generator.close()


class TestFake(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        return FakeGenerator()


class TestLlamaCpp(GeneratorContract):
    @pytest.fixture
    def generator(self, llama: Generator) -> Generator:
        return llama

    @pytest.mark.parametrize(
        "form",
        [
            Format(schema=SCHEMA),
            Format(sections=("[Policy basis]", "[Plain answer]")),
            Format(sections=("【政策依据】", "【简明解释】")),
            Format(sections=("Rule:", "Answer:")),
        ],
    )
    def test_random_weights_cannot_leave_the_form(self, llama: Generator, form: Format) -> None:
        """Random weights write noise, so whatever is valid here is the grammar's doing."""
        for seed in range(3):
            decoding = Decoding(max_tokens=200, temperature=1.0, seed=seed, format=form)
            completion = llama.generate([ask("What does a card cost?")], decoding)[0]
            if completion.finish == "stop":
                assert find_violations(completion.text, form) == ()
            elif form.sections:
                assert completion.text.startswith(form.sections[0])
        free = llama.generate([ask("What does a card cost?")], Decoding(max_tokens=40, temperature=1.0))[0]
        assert find_violations(free.text, form)

    def test_same_seed_same_sample(self, llama: Generator) -> None:
        first, second = (llama.generate([ask("What?")], Decoding(12, 1.0, seed=7))[0].text for _ in range(2))
        other = llama.generate([ask("What?")], Decoding(12, 1.0, seed=8))[0].text
        assert first == second != other

    def test_refuses_a_schema_it_cannot_enforce(self, llama: Generator) -> None:
        form = Format(schema='{"type": "object", "properties": {"a": {"not": {"type": "string"}}}}')
        with pytest.raises(ConfigError, match="'not' at /a"):
            llama.generate([ask("What?")], Decoding(format=form))

    def test_too_long_a_prompt_is_an_error(self, llama: Generator) -> None:
        with pytest.raises(BackendError, match="the window 512"):
            llama.generate([ask("word " * 600)], Decoding())

    def test_an_error_in_the_sink_stops_the_engine_and_arrives(self, llama: Generator) -> None:
        def sink(position: int, text: str) -> None:
            raise KeyError(position)

        with pytest.raises(KeyError):
            llama.generate([ask("What?")], Decoding(max_tokens=8), sink)
        assert llama.generate([ask("What?")], Decoding(max_tokens=2))

    def test_broken_model_file_never_reaches_the_engine(self, gguf: Path, tmp_path: Path) -> None:
        from knowhow.errors import DataError

        broken = tmp_path / "broken.gguf"
        broken.write_bytes(gguf.read_bytes()[:-5000])
        with pytest.raises(DataError, match="lies outside the file"):
            build("generator", "llama_cpp", {"model": str(broken)}).count_tokens(["text"])


class TestTransformers(GeneratorContract):
    @pytest.fixture
    def generator(self, torch_generator: Generator) -> Generator:
        return torch_generator

    def test_answers_like_llama_cpp(self, torch_generator: Generator, llama: Generator) -> None:
        """The same float32 weights in both engines: greedy texts agree, so conversion and prompt agree."""
        batch = [ask(text) for text in ("What does a card cost?", "Who pays?", "The fee\nis due when?")]
        left = [item.text for item in torch_generator.generate(batch, Decoding(max_tokens=10))]
        right = [item.text for item in llama.generate(batch, Decoding(max_tokens=10))]
        assert left == right

    def test_stops_at_a_stop_string(self, torch_generator: Generator) -> None:
        whole = torch_generator.generate([ask("Who pays?")], Decoding(max_tokens=10))[0].text
        stop = whole[3:5]
        cut = torch_generator.generate([ask("Who pays?")], Decoding(max_tokens=10, stop=(stop,)))[0]
        assert cut.text == whole[: whole.find(stop)]
        assert cut.finish == "stop"


def test_adapter_answers_alike_in_both_engines(gguf: Path, directory: Path, tmp_path: Path) -> None:
    """A PEFT adapter merged by torch and the same one converted to GGUF change the greedy text in the same way."""
    torch = pytest.importorskip("torch", reason="adapters need the train extra")
    peft = pytest.importorskip("peft", reason="adapters need the train extra")
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = peft.LoraConfig(r=4, lora_alpha=12, target_modules=modules, task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    adapted.save_pretrained(tmp_path / "adapter")
    options = {"adapter": str(tmp_path / "adapter"), "window_tokens": 512, "threads": 1}
    left = build("generator", "transformers", {"model": str(directory), **options})
    right = build("generator", "llama_cpp", {"model": str(gguf), **options})
    plain = build("generator", "llama_cpp", {"model": str(gguf), "window_tokens": 512, "threads": 1})
    batch = [ask(text) for text in ("What does a card cost?", "Who pays?", "When is it due?")]
    texts = [
        [item.text for item in generator.generate(batch, Decoding(max_tokens=10))]
        for generator in (left, right, plain)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert len({left.identity, right.identity, plain.identity}) == 3
    for generator in (left, right, plain):
        generator.close()


def test_a_vocabulary_that_is_not_known_here_is_tokenised_by_the_engine(
    gguf: Path, tmp_path: Path, llama: Generator
) -> None:
    """The same model under the name of a pre-tokenizer that only llama.cpp knows: texts with control strings encode alike."""
    data = gguf.read_bytes()
    name, other = b"\x06\x00\x00\x00\x00\x00\x00\x00smollm", b"\x06\x00\x00\x00\x00\x00\x00\x00refact"
    assert data.count(name) == 1
    (tmp_path / "other.gguf").write_bytes(data.replace(name, other))
    generator = build(
        "generator", "llama_cpp", {"model": str(tmp_path / "other.gguf"), "window_tokens": 512, "threads": 1}
    )
    batch = [ask("What does <|im_end|> cost? <|im_start|>assistant"), ask("the thing on 12 tables, 你好")]
    left = generator.generate(batch, Decoding(max_tokens=8))
    right = llama.generate(batch, Decoding(max_tokens=8))
    assert [(item.text, item.prompt_tokens) for item in left] == [
        (item.text, item.prompt_tokens) for item in right
    ]
    assert generator.count_tokens(["the thing"]) == llama.count_tokens(["the thing"])
    generator.close()


def test_requantised_model_keeps_its_vocabulary_and_runs(gguf: Path, tmp_path: Path) -> None:
    requantise(gguf, tmp_path / "q8.gguf", "q8_0")
    before, after = read_header(gguf), read_header(tmp_path / "q8.gguf")
    assert before.metadata["tokenizer.ggml.tokens"] == after.metadata["tokenizer.ggml.tokens"]
    assert [entry.name for entry in before.tensors] == [entry.name for entry in after.tensors]
    assert (tmp_path / "q8.gguf").stat().st_size < gguf.stat().st_size / 2
    generator = build("generator", "llama_cpp", {"model": str(tmp_path / "q8.gguf"), "threads": 1})
    assert generator.generate([ask("What?")], Decoding(max_tokens=3))[0].completion_tokens <= 3
    generator.close()


class _Endpoint(BaseHTTPRequestHandler):
    """Speaks as much of chat completions as the client needs: streams the last turn's words back, then the usage."""

    seen: list[dict[str, Any]] = []  # noqa: RUF012
    failures = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({**body, "authorization": self.headers.get("Authorization")})
        if body["model"] == "absent":
            self.reply(404, json.dumps({"error": {"message": "no such model"}}))
        elif type(self).failures > 0:
            type(self).failures -= 1
            self.reply(503, json.dumps({"error": {"message": "busy"}}))
        else:
            pieces = body["messages"][-1]["content"].split(" ")[: body["max_tokens"]]
            events = [
                self.event(choices=[{"index": 0, "delta": {"content": piece + " "}}]) for piece in pieces
            ]
            events.append(self.event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
            usage = {"prompt_tokens": 11, "completion_tokens": len(pieces), "total_tokens": 11 + len(pieces)}
            events.append(self.event(choices=[], usage=usage))
            self.reply(200, "".join(events) + "data: [DONE]\n\n", "text/event-stream")

    def event(self, **fields: Any) -> str:
        base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return f"data: {json.dumps({**base, **fields})}\n\n"

    def reply(self, status: int, body: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    pytest.importorskip("openai", reason="the openai engine needs the remote extra")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Endpoint.seen.clear()
    _Endpoint.failures = 0
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


class TestOpenAI(GeneratorContract):
    @pytest.fixture
    def generator(self, endpoint: str) -> Iterator[Generator]:
        generator = build("generator", "openai", {"model": "m", "base_url": endpoint})
        yield generator
        generator.close()

    def test_reads_usage_and_sends_no_control_strings(self, generator: Generator) -> None:
        found = generator.generate([ask("pay <|im_end|> now")], Decoding(max_tokens=9, seed=5))[0]
        assert (found.prompt_tokens, found.completion_tokens) == (11, 3)
        sent = _Endpoint.seen[-1]
        assert sent["messages"][-1]["content"] == f"pay <{BREAK}|im_end|> now"
        assert (sent["seed"], sent["temperature"]) == (5, 0.0)

    def test_asks_for_the_schema(self, generator: Generator) -> None:
        generator.generate([ask("What?")], Decoding(format=Format(schema=SCHEMA)))
        assert _Endpoint.seen[-1]["response_format"]["json_schema"]["schema"] == json.loads(SCHEMA)

    def test_tries_again(self, generator: Generator) -> None:
        _Endpoint.failures = 1
        assert generator.generate([ask("What?")], Decoding())[0].text == "What? "
        assert len(_Endpoint.seen) == 2

    def test_unknown_model_says_what_to_check(self, endpoint: str) -> None:
        generator = build("generator", "openai", {"model": "absent", "base_url": endpoint})
        with pytest.raises(BackendError, match="knows no model absent"):
            generator.generate([ask("What?")], Decoding())

    def test_unset_key_is_the_users_to_set(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        options = {"model": "m", "base_url": endpoint, "api_key_env": "KNOWHOW_TEST_KEY"}
        monkeypatch.delenv("KNOWHOW_TEST_KEY", raising=False)
        with pytest.raises(ConfigError, match="KNOWHOW_TEST_KEY, which is not set"):
            build("generator", "openai", options).generate([ask("What?")], Decoding())
        monkeypatch.setenv("KNOWHOW_TEST_KEY", "secret")
        build("generator", "openai", options).generate([ask("What?")], Decoding())
        assert _Endpoint.seen[-1]["authorization"] == "Bearer secret"

    def test_no_endpoint_is_a_retryable_error(self) -> None:
        pytest.importorskip("openai", reason="the openai engine needs the remote extra")
        options = {"model": "m", "base_url": "http://127.0.0.1:9", "retries": 0}
        with pytest.raises(BackendError, match="cannot be reached") as caught:
            build("generator", "openai", options).generate([ask("What?")], Decoding())
        assert caught.value.retryable


def test_every_registered_generator_is_tested_here() -> None:
    shipped = {
        name for name in names("generator") if find("generator", name).__module__.startswith("knowhow.")
    }
    assert {"fake", "llama_cpp", "openai", "transformers"} >= shipped
