"""The tokenizer inside a running llama.cpp, for vocabularies that cannot be rebuilt here: asked over the engine's private socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import BackendError

_CONTROL, _USER_DEFINED = 3, 4


@dataclass(frozen=True, slots=True)
class EncodedText:
    """Token ids of a text, under the name that `tokenizers` gives them."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token outside the ordinary vocabulary."""

    content: str
    special: bool


class EngineTokenizer:
    """Offers what ChatTokenizer needs of a `tokenizers.Tokenizer`; special tokens in texts are plain text to it."""

    def __init__(self, socket_path: Path, key: str, metadata: Mapping[str, Any]) -> None:
        self._path, self._key = socket_path, key
        kinds = metadata.get("tokenizer.ggml.token_type", [])
        self._added = {
            number: AddedToken(token, kind == _CONTROL)
            for number, (token, kind) in enumerate(
                zip(metadata["tokenizer.ggml.tokens"], kinds, strict=False)
            )
            if kind in (_CONTROL, _USER_DEFINED)
        }
        self.encode_special_tokens = True

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Return control and user-defined tokens by id."""
        return self._added

    def no_padding(self) -> None:
        """Nothing is ever padded."""

    def no_truncation(self) -> None:
        """Nothing is ever truncated."""

    def encode(self, text: str, add_special_tokens: bool = False) -> EncodedText:
        """Return the ids of plain text."""
        reply = self._post(
            "/tokenize", {"content": text, "add_special": add_special_tokens, "parse_special": False}
        )
        return EncodedText([int(number) for number in reply["tokens"]])

    def encode_batch_fast(self, texts: Sequence[str], add_special_tokens: bool = False) -> list[EncodedText]:
        """Return the ids of each text."""
        return [self.encode(text, add_special_tokens) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return str(self._post("/detokenize", {"tokens": list(ids)})["content"])

    def _post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.sock.connect(str(self._path))
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
            connection.request("POST", route, json.dumps(body), headers)
            response = connection.getresponse()
            reply: dict[str, Any] = json.loads(response.read())
        except (OSError, ValueError) as error:
            raise BackendError(f"its tokenizer did not answer: {error}.", engine="llama_cpp") from error
        finally:
            connection.close()
        if response.status != 200:
            raise BackendError(f"its tokenizer answered {response.status}.", engine="llama_cpp")
        return reply
