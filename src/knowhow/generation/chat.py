"""Conversations as token ids: the one encoding that answering and training share.

Control tokens come from the model's chat template alone, by id. What a message says is tokenised as plain text, so nothing in a
document or a question can open or close a turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import ConfigError, DataError
from knowhow.generation.control import neutralise
from knowhow.storage import read_json
from knowhow.types import Conversation, Role

_SLOT = re.compile("\ue000(\\d+)\ue001")
_LOOKS_LIKE_CONTROL = re.compile(r"<.+>|\[.+\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EncodedConversation:
    """Token ids of a finished conversation; ids from `answer_start` on are the last turn with its end-of-turn token."""

    ids: tuple[int, ...]
    answer_start: int


class ChatTokenizer:
    """A model's tokenizer and chat template; `tokenizer` is a `tokenizers.Tokenizer` that this object owns from now on."""

    def __init__(self, tokenizer: Any, template: str, variables: Mapping[str, str]) -> None:
        if not template:
            raise ConfigError(
                "The model has no chat template. Choose a model that was tuned for conversations."
            )
        self._tokenizer, self._variables = tokenizer, dict(variables)
        self._template = _compile(template)
        # Added tokens that are no white space count as control, whether the model's authors marked them special or not.
        self.control: dict[str, int] = {
            token.content: number
            for number, token in tokenizer.get_added_tokens_decoder().items()
            if token.special or _LOOKS_LIKE_CONTROL.fullmatch(token.content)
        }
        self._control_ids = frozenset(self.control.values())
        self._control_pattern = re.compile(
            "|".join(re.escape(text) for text in sorted(self.control, key=len, reverse=True)) or r"(?!)"
        )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True

    @classmethod
    def from_directory(cls, directory: Path) -> ChatTokenizer:
        """Read tokenizer.json, tokenizer_config.json and chat_template.jinja of a Hugging Face directory."""
        from tokenizers import Tokenizer

        path = directory / "tokenizer.json"
        if not path.is_file():
            raise DataError(
                "does not exist.",
                source=str(path),
                mend="Use a model directory with a tokenizer.json (a 'fast' tokenizer).",
            )
        config = read_json(directory / "tokenizer_config.json")
        template = config.get("chat_template") or ""
        beside = directory / "chat_template.jinja"
        if beside.is_file():
            template = beside.read_text(encoding="utf-8")
        if isinstance(template, list):
            template = next((item["template"] for item in template if item.get("name") == "default"), "")
        variables = {key: _content(config.get(key)) for key in ("bos_token", "eos_token")}
        return cls(Tokenizer.from_file(str(path)), template, variables)

    @classmethod
    def from_gguf(cls, metadata: Mapping[str, Any]) -> ChatTokenizer:
        """Rebuild the tokenizer inside a GGUF file; ConfigError when it is of a kind that can't be rebuilt exactly."""
        from knowhow.models.tokenizer import build_tokenizer

        return cls.from_engine(build_tokenizer(metadata), metadata)

    @classmethod
    def from_engine(cls, tokenizer: Any, metadata: Mapping[str, Any]) -> ChatTokenizer:
        """Use `tokenizer` with the chat template in a GGUF file's metadata."""
        tokens = metadata["tokenizer.ggml.tokens"]
        variables = {
            f"{name}_token": tokens[metadata[f"tokenizer.ggml.{name}_token_id"]]
            for name in ("bos", "eos")
            if f"tokenizer.ggml.{name}_token_id" in metadata
        }
        return cls(tokenizer, str(metadata.get("tokenizer.chat_template", "")), variables)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text as plain text."""
        return [
            len(found.ids)
            for found in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ]

    def encode(self, conversation: Conversation) -> list[int]:
        """Return the ids of a conversation up to where the assistant's next turn begins."""
        return self._encode(self._render(conversation, awaits_answer=True), conversation)

    def encode_finished(self, conversation: Conversation) -> EncodedConversation:
        """Return the ids of a conversation that ends in an assistant turn; the prompt part equals `encode` of the rest."""
        prompt = self._render(conversation[:-1], awaits_answer=True)
        whole = self._render(conversation, awaits_answer=False)
        if not whole.startswith(prompt):
            raise DataError(
                "The model's chat template changes earlier turns when an answer follows, so training can't match answering.",
                mend="Choose another base model or mend its chat template.",
            )
        ids = self._encode(prompt, conversation)
        answer = self._encode(whole[len(prompt) :].rstrip("\n"), conversation)
        return EncodedConversation((*ids, *answer), len(ids))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids without control tokens."""
        return str(self._tokenizer.decode([number for number in ids if number not in self._control_ids]))

    def _encode(self, rendered: str, conversation: Conversation) -> list[int]:
        ids: list[int] = []
        plain = ""
        for piece, is_template in _split_slots(rendered, conversation):
            if not is_template:
                plain += piece
                continue
            place = 0
            for match in self._control_pattern.finditer(piece):
                ids += [*self._encode_plain(plain + piece[place : match.start()]), self.control[match[0]]]
                plain, place = "", match.end()
            plain += piece[place:]
        return ids + self._encode_plain(plain)

    def _encode_plain(self, text: str) -> list[int]:
        if not text:
            return []
        ids = list(self._tokenizer.encode(text, add_special_tokens=False).ids)
        if self._control_ids.isdisjoint(ids):
            return ids
        broken = neutralise(text, self.control)
        ids = list(self._tokenizer.encode(broken, add_special_tokens=False).ids)
        if not self._control_ids.isdisjoint(ids):
            found = sorted(name for name, number in self.control.items() if number in ids)
            raise DataError(
                f"A text holds the model's control string {found[0]!r} in a form that can't be made harmless.",
                mend="Take it out of the document or question.",
            )
        return ids

    def _render(self, conversation: Conversation, *, awaits_answer: bool) -> str:
        from jinja2 import TemplateError

        slots = [
            {"role": str(message.role), "content": f"\ue000{number}\ue001"}
            for number, message in enumerate(conversation)
        ]
        try:
            return self._fill(slots, awaits_answer)
        except TemplateError as error:
            # Some templates refuse a system turn: its text then opens the first user turn.
            if len(slots) > 1 and slots[0]["role"] == Role.SYSTEM and slots[1]["role"] == Role.USER:
                joined = {"role": "user", "content": f"{slots[0]['content']}\n\n{slots[1]['content']}"}
                return self._fill([joined, *slots[2:]], awaits_answer)
            raise ConfigError(f"The model's chat template refuses the conversation: {error}.") from error

    def _fill(self, slots: list[dict[str, str]], awaits_answer: bool) -> str:
        return str(
            self._template.render(
                messages=slots, add_generation_prompt=awaits_answer, tools=None, **self._variables
            )
        )


def _split_slots(rendered: str, conversation: Conversation) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    for number, piece in enumerate(_SLOT.split(rendered)):
        pieces.append((conversation[int(piece)].content, False) if number % 2 else (piece, True))
    return pieces


def _compile(template: str) -> Any:
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.globals["raise_exception"] = refuse
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(
        value, ensure_ascii=False, indent=indent
    )
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise ConfigError(f"The model's chat template can't be read: {error}.") from error


def _content(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


__all__ = ["ChatTokenizer", "EncodedConversation"]
