"""The embedded models themselves, fetched from the package index: converted faithfully, tokenised like llama.cpp."""

import random
from pathlib import Path

import numpy as np
import pytest

from knowhow import models
from knowhow.generation.engine_tokenizer import EngineTokenizer
from knowhow.models.gguf_file import read_header
from knowhow.models.tokenizer import build_tokenizer

pytestmark = pytest.mark.slow

TEXTS = [
    "Hello world",
    "  two  spaces\n\n\tTab ",
    "12345 67,890.12 ½ ² Ⅳ ٣٤ １２３",
    "don't we'll I'M 'S'T",
    "中文标点。你好，世界！2024年",
    "日本語のテキストです。カタカナ",
    "emoji 😀👩‍👩‍👧 naïve café e\u0301 ﬁ عربى",
    "<|im_start|>system\nhi<|im_end|> <repo_name>",
    "a\r\nb\r\n\r\nc\u00a0d\u200be\x00f",
    "",
    " ",
]


def test_tokenizer_gives_the_ids_of_llama_cpp(tmp_path: Path) -> None:
    import xllamacpp

    path = models.smollm_gguf()
    metadata = read_header(path).metadata
    ours = build_tokenizer(metadata)
    ours.encode_special_tokens = True
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.verbosity, parameters.ui = str(path), 256, -1, False
    parameters.warmup, parameters.hostnames, parameters.api_keys = False, [str(tmp_path / "e.sock")], ["key"]
    server = xllamacpp.Server(parameters)
    theirs = EngineTokenizer(tmp_path / "e.sock", "key", metadata)
    chance = random.Random(3)
    ranges = [(32, 127), (160, 0x3000), (0x4E00, 0x9FFF), (0x1F300, 0x1F600), (10, 33)]
    noise = ["".join(chr(chance.randrange(*chance.choice(ranges))) for _ in range(40)) for _ in range(200)]
    differing = [
        text
        for text in [*TEXTS, *noise]
        if ours.encode(text, add_special_tokens=False).ids != theirs.encode(text).ids
    ]
    del server
    assert differing == []


def test_minilm_graph_equals_the_model_it_was_made_from() -> None:
    torch = pytest.importorskip("torch", reason="the reference needs the train extra")
    import onnxruntime
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = models.minilm_directory()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)
    texts = [
        "The annual fee is five euro.",
        "Fees",
        "A much longer sentence about cards and cheques. " * 9,
        "贷款利率",
    ]
    encoded = tokenizer.encode_batch(texts)
    ids = np.array([item.ids for item in encoded], np.int64)
    mask = np.array([item.attention_mask for item in encoded], np.int64)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    (ours,) = session.run(["sentence_embedding"], {"input_ids": ids, "attention_mask": mask})
    reference = BertModel.from_pretrained(models.fetch(models.MINILM), local_files_only=True).eval()
    with torch.inference_mode():
        hidden = reference(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
    weights = torch.from_numpy(mask)[..., None].float()
    pooled = torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1).numpy()
    assert (ours * pooled).sum(axis=1).min() > 0.9999
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_embedded_generator_reads_and_keeps_to_a_form() -> None:
    """It finds the one price in a passage, the same alone and in a batch, and a schema holds it to JSON."""
    import json

    from knowhow.generation.prompts import PromptStyle, render
    from knowhow.registry import build
    from knowhow.types import Chunk, Decoding, Format, Hit, Query

    generator = build("generator", "llama_cpp", {"threads": 2, "window_tokens": 1024})
    text = "A lost card costs $6 to replace. It takes five days."
    hits = [Hit(Chunk("c", "card.md", text, 0, len(text), title="Card Guide"), 1.0)]
    first, second = (
        render(Query(question), hits, PromptStyle()).conversation
        for question in ("What does a lost card cost?", "How long does it take?")
    )
    together = generator.generate([first, second], Decoding(max_tokens=30))
    assert generator.generate([first], Decoding(max_tokens=30))[0].text == together[0].text
    assert "6" in together[0].text
    schema = {
        "type": "object",
        "properties": {"price": {"type": "number"}},
        "required": ["price"],
        "additionalProperties": False,
    }
    form = Format(schema=json.dumps(schema))
    held = generator.generate([first], Decoding(max_tokens=30, format=form))[0]
    assert isinstance(json.loads(held.text)["price"], (int, float))
    assert held.prefill_ms > 0
    assert held.first_token_ms > 0
    generator.close()


def test_many_texts_at_once_get_the_vectors_they_get_alone() -> None:
    """Bulk embedding may be coarser where the processor makes that faster, but never enough to move a text."""
    from knowhow.retrieval.bulk_encoder import is_bulk_encoding_available
    from knowhow.retrieval.embedders.minilm import MiniLmEmbedder

    if not is_bulk_encoding_available():
        pytest.skip("bulk embedding needs the train extra and a processor that multiplies bfloat16")
    texts = [
        f"Rule {number}: the fee for {'a very ' * (number % 9)}late payment is {number} euro."
        for number in range(512)
    ]
    bulk = MiniLmEmbedder().embed(texts)
    exact = MiniLmEmbedder(precision="float32").embed(texts)
    assert not np.array_equal(bulk, exact)
    assert (bulk * exact).sum(axis=1).min() > 0.9995
    assert np.allclose(np.linalg.norm(bulk, axis=1), 1, atol=1e-5)
