"""Embedders keep the contract: the fake, MiniLM's runtime on a tiny graph, a local Hugging Face directory, an endpoint on localhost."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowhow.errors import BackendError, ConfigError, NotFoundError
from knowhow.registry import build
from knowhow.testing.embedder_contract import EmbedderContract
from knowhow.testing.fakes import FakeEmbedder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "annual", "fee", "fees", "is", "five", "euro", "what", "a",
         "penguins", "swim", "in", "sea", ".", "?"]  # fmt: skip


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))


def write_graph(folder: Path, *, is_pooled: bool) -> None:
    """Write an encoder that looks word vectors up; pooled graphs ignore padding by themselves."""
    from onnx import TensorProto, helper, numpy_helper, save

    table = np.random.default_rng(5).standard_normal((len(WORDS), 8)).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    name, shape = "last_hidden_state", ["batch", "sequence", 8]
    if is_pooled:
        name, shape = "sentence_embedding", ["batch", 8]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "axis"], ["row"]),
            helper.make_node("MatMul", ["row", "last_hidden_state"], ["summed"]),
            helper.make_node("Squeeze", ["summed", "axis"], [name]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["attention_mask"], ["unused"]))
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info(item, TensorProto.INT64, ["batch", "sequence"]) for item in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")],
    )  # fmt: skip
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        folder / "model.onnx",
    )


class TestFake(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Any:
        return FakeEmbedder()


@pytest.mark.parametrize("is_pooled", [True, False])
class TestMiniLmRuntime(EmbedderContract):
    @pytest.fixture
    def embedder(self, tmp_path: Path, is_pooled: bool) -> Any:
        write_tokenizer(tmp_path)
        write_graph(tmp_path, is_pooled=is_pooled)
        return build("embedder", "minilm", {"path": str(tmp_path), "batch_size": 2, "threads": 1})

    def test_counts_tokens_of_long_texts_whole(self, embedder: Any, is_pooled: bool) -> None:
        assert embedder.count_tokens(["the annual fee", "a " * 2000, ""]) == [3, 2000, 0]

    def test_identity_follows_weights_and_limit(self, embedder: Any, is_pooled: bool, tmp_path: Path) -> None:
        shorter = build("embedder", "minilm", {"path": str(tmp_path), "max_tokens": 16})
        assert shorter.identity != embedder.identity
        assert build("embedder", "minilm").identity not in (shorter.identity, embedder.identity)


class TestEndpoint(EmbedderContract):
    @pytest.fixture
    def server(self) -> Iterator[ThreadingHTTPServer]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                broken = body["model"] == "broken" or not all(body["input"])
                rows = FakeEmbedder(16).embed([text.strip() for text in body["input"]]) * 3
                data = [
                    {"object": "embedding", "index": n, "embedding": row.tolist()}
                    for n, row in enumerate(rows)
                ]
                answer = {"object": "list", "model": body["model"], "data": data[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip
                payload = json.dumps({"error": {"message": "no such model"}} if broken else answer).encode()
                self.send_response(404 if broken else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *arguments: Any) -> None:
                """Stay silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        server.server_close()

    @pytest.fixture
    def embedder(self, server: ThreadingHTTPServer) -> Any:
        return self.connect(server, "good")

    def connect(self, server: ThreadingHTTPServer, model: str, **options: Any) -> Any:
        pytest.importorskip("openai")
        url = f"http://127.0.0.1:{server.server_port}/v1"
        return build("embedder", "openai", {"base_url": url, "model": model, "batch_size": 2, **options})

    def test_refusal_is_a_backend_error(self, server: ThreadingHTTPServer) -> None:
        with pytest.raises(BackendError, match="no such model"):
            self.connect(server, "broken").embed(["x"])

    def test_unset_key_is_named(self, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_SUCH_KEY", raising=False)
        with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
            self.connect(server, "good", api_key_env="NO_SUCH_KEY").embed(["x"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder: Path = tmp_path_factory.mktemp("encoder")
    write_tokenizer(folder)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    transformers.set_seed(3)
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]"
    )
    tokenizer.save_pretrained(folder)
    return folder


class TestTransformersDirectory(EmbedderContract):
    @pytest.fixture
    def embedder(self, folder: Path) -> Any:
        return build("embedder", "transformers", {"path": str(folder), "batch_size": 4, "max_tokens": 64})

    def test_pooling_is_read_and_unknown_pooling_refused(self, folder: Path) -> None:
        place = folder / "1_Pooling" / "config.json"
        place.parent.mkdir(exist_ok=True)
        identities = []
        try:
            for mode in ("mean_tokens", "cls_token"):
                place.write_text(json.dumps({f"pooling_mode_{mode}": True, "word_embedding_dimension": 16}))
                identities.append(build("embedder", "transformers", {"path": str(folder)}).identity)
            assert len(set(identities)) == 2
            place.write_text(json.dumps({"pooling_mode_max_tokens": True}))
            with pytest.raises(ConfigError, match="max_tokens"):
                build("embedder", "transformers", {"path": str(folder)}).embed(["fee"])
        finally:
            place.unlink()


@pytest.mark.parametrize("name", ["minilm", "transformers"])
def test_absent_directory_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist|holds no"):
        build("embedder", name, {"path": str(tmp_path)}).embed(["x"])
