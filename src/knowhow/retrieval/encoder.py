"""A sentence encoder as an ONNX graph with its tokenizer: batches sorted by length, unit vectors out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import DataError, NotFoundError
from knowhow.retrieval.engine.vectors import normalise

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from knowhow.protocols import Matrix

_BLOCK_TOKENS = 320
_POOLED = "sentence_embedding"


class OnnxEncoder:
    """Runs `directory`/model.onnx; the session and the tokenizer are loaded at first use, each on its own.

    The graph takes input_ids and attention_mask (and token_type_ids where it asks for them) and gives either sentence_embedding or
    token vectors, which are averaged over the text's tokens.
    """

    def __init__(self, directory: Path, max_tokens: int, batch_size: int, threads: int) -> None:
        self.directory = directory
        self._max_tokens, self._batch_size, self._threads = max_tokens, batch_size, threads
        self._tokenizer: Tokenizer | None = None
        self._session: Any = None
        self._guard = threading.Lock()

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer with truncation at the encoder's limit."""
        with self._guard:
            if self._tokenizer is None:
                self._tokenizer = read_tokenizer(self.directory, self._max_tokens)
            return self._tokenizer

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return one unit row per text."""
        session, tokenizer = self._load(), self.tokenizer
        encoded = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        with ThreadPoolExecutor(self._threads or os.cpu_count() or 1) as pool:
            return fill_rows(
                encoded,
                split_blocks(encoded, self._batch_size, _BLOCK_TOKENS),
                self.dimension,
                lambda batch: self._run(session, batch),
                pool,
            )

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._output(self._load()).shape[-1])

    def _run(self, session: Any, batch: Sequence[Sequence[int]]) -> Any:
        import numpy as np

        width = max(map(len, batch))
        ids = np.zeros((len(batch), width), dtype=np.int64)
        mask = np.zeros((len(batch), width), dtype=np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        offered = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {item.name for item in session.get_inputs()}
        output = self._output(session)
        result = session.run([output.name], {name: offered[name] for name in wanted})[0]
        if output.name == _POOLED:
            return result
        weights = mask[..., None].astype(np.float32)
        return (result * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)

    def _output(self, session: Any) -> Any:
        outputs = session.get_outputs()
        return next((item for item in outputs if item.name == _POOLED), outputs[0])

    def _load(self) -> Any:
        with self._guard:
            if self._session is None:
                self._session = _open_session(self.directory / "model.onnx")
            return self._session


def fill_rows(
    encoded: Sequence[Sequence[int]],
    blocks: Sequence[Sequence[int]],
    dimension: int,
    run: Callable[[Sequence[Sequence[int]]], Any],
    pool: ThreadPoolExecutor,
) -> Matrix:
    """Return one unit row per text, block by block: `run` turns the token ids of a block into its vectors.

    Blocks run side by side, each on one thread: that costs about half the processor time of sharing one large block.
    """
    import numpy as np

    rows: Matrix = np.zeros((len(encoded), dimension), dtype=np.float32)

    def fill(block: Sequence[int]) -> None:
        rows[block] = run([encoded[row] for row in block])

    for _ in map(fill, blocks) if len(blocks) < 2 else pool.map(fill, blocks):
        pass
    return normalise(rows)


def split_blocks(encoded: Sequence[Sequence[int]], most_rows: int, most_tokens: int) -> list[list[int]]:
    """Return rows in blocks of like length whose padded size stays small enough for the processor's cache."""
    blocks: list[list[int]] = []
    for row in sorted(range(len(encoded)), key=lambda row: len(encoded[row])):
        rows = len(blocks[-1]) + 1 if blocks else 0
        if rows and rows <= most_rows and rows * len(encoded[row]) <= most_tokens:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def read_tokenizer(directory: Path, max_tokens: int | None = None) -> Tokenizer:
    """Read `directory`/tokenizer.json without padding, cut at `max_tokens` where given; NotFoundError when it is absent."""
    from tokenizers import Tokenizer

    path = directory / "tokenizer.json"
    if not path.is_file():
        raise NotFoundError(
            f"{path} does not exist. Name a directory that holds model.onnx and tokenizer.json."
        )
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _open_session(path: Path) -> Any:
    import onnxruntime

    if not path.is_file():
        raise NotFoundError(
            f"{path} does not exist. Name a directory that holds model.onnx and tokenizer.json."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"onnxruntime cannot load the model ({error}).", source=str(path), mend="Export it again."
        ) from error
