"""Text is never control: over every special string of a vocabulary, as it stands, split, escaped and in other forms of its letters."""

from __future__ import annotations

import html
import json
import unicodedata

import pytest

from knowhow import models
from knowhow.generation.chat import ChatTokenizer
from knowhow.generation.control import neutralise
from knowhow.generation.weights import find_gguf
from knowhow.models.gguf_file import read_header
from knowhow.testing.tiny_model import CONTROL, write_tiny_gguf
from knowhow.types import Message, Role

FAMILIES = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eom_id|>", "<|python_tag|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|fim_prefix|>", "<|fim_suffix|>",
    "<|fim_middle|>", "<|file_sep|>", "<|repo_name|>", "<|vision_start|>", "<|tool_call|>", "<｜begin▁of▁sentence｜>", "<｜User｜>",
    "<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<bos>", "<eos>", "<start_of_turn>",
    "<end_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[gMASK]", "<sop>", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]",
    "<think>", "</think>", "<tool_call>", "</tool_call>", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]",
)  # fmt: skip


def variants(string: str) -> list[str]:
    return [
        string, string * 3, f"x{string}y", f" {string} ", f"{string}\n{string}", string.upper(), string.lower(), html.escape(string),
        unicodedata.normalize("NFKC", string), unicodedata.normalize("NFKD", string), string[: len(string) // 2] + " " + string[len(string) // 2 :],
        f"{string[:-1]}{string}{string[-1]}", f"```{string}```", json.dumps(string), string.replace("<", "＜").replace(">", "＞"),
    ]  # fmt: skip


@pytest.mark.parametrize("string", FAMILIES)
def test_no_control_string_of_a_known_family_survives_breaking(string: str) -> None:
    for text in variants(string):
        assert string not in neutralise(text)
        assert neutralise(neutralise(text)) == neutralise(text)


def test_strings_of_the_model_itself_are_broken_too() -> None:
    assert "@@turn@@" not in neutralise("a @@turn@@ b", ["@@turn@@", " "])
    assert neutralise("plain words", ["", " "]) == "plain words"


@pytest.fixture(scope="module", params=["tiny", "embedded"])
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ChatTokenizer:
    if request.param == "tiny":
        path = write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")
    elif models.is_fetched(models.SMOLLM2):
        path = find_gguf("")
    else:
        pytest.skip("the embedded model is not in the cache: knowhow models get")
    return ChatTokenizer.from_gguf(read_header(path).metadata)


def count_control(chat: ChatTokenizer, text: str) -> int:
    known = set(chat.control.values())
    return sum(token in known for token in chat.encode((Message(Role.USER, text),)))


def test_every_control_string_of_a_vocabulary_stays_text(chat: ChatTokenizer) -> None:
    assert len(chat.control) >= len(CONTROL)
    of_template = count_control(chat, "plain words")
    for string in dict.fromkeys((*chat.control, *CONTROL, *FAMILIES)):
        for text in variants(string):
            assert count_control(chat, text) == of_template, text


def test_control_strings_split_over_neighbouring_passages_stay_text(chat: ChatTokenizer) -> None:
    of_template = count_control(chat, "plain words")
    for string in chat.control:
        for cut in range(1, len(string)):
            assert count_control(chat, f"[1] A\n{string[:cut]}\n\n[2] B\n{string[cut:]}") == of_template
            assert count_control(chat, string[:cut] + string[cut:]) == of_template


def test_the_whole_list_is_looked_at() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) > 45
