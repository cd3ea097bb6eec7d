"""A Hugging Face or sentence-transformers directory on the local disk, run by torch: any BERT-like sentence encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.errors import ConfigError, MissingDependencyError, NotFoundError
from knowhow.registry import register
from knowhow.retrieval.engine.vectors import normalise
from knowhow.storage import digest, digest_file

if TYPE_CHECKING:
    from knowhow.protocols import Matrix


@register("embedder", "transformers")
@dataclass(eq=False)
class TransformersEmbedder:
    """Embeds with the model in the directory `path`; nothing is fetched and no code of the directory is run.

    Pooling comes from 1_Pooling/config.json where the directory has it, else it is the mean; passages and
    questions are embedded alike. `languages` names what the model understands (empty: every language).
    """

    path: str
    max_tokens: int = 512
    batch_size: int = 32
    device: str = "cpu"
    languages: frozenset[str] = frozenset()

    @cached_property
    def identity(self) -> str:
        """Digest of the weights, the pooling and the token limit."""
        weights = sorted(self._directory.glob("*.safetensors"))
        if not weights:
            raise NotFoundError(f"{self.path} holds no *.safetensors file. Save the model in that form.")
        parts = [*map(digest_file, weights), self._pooling, str(self.max_tokens)]
        return f"transformers:{digest(' '.join(parts))[:16]}"

    @cached_property
    def dimension(self) -> int:
        """Columns of the matrix."""
        return int(self._read_json("config.json")["hidden_size"])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return shape (len(texts), dimension), float32, rows of length 1, in the order of `texts`."""
        import numpy as np

        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        rows: Matrix = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(order), self.batch_size):
            block = order[start : start + self.batch_size]
            rows[block] = self._run([texts[row] for row in block])
        return normalise(rows)

    def _run(self, texts: list[str]) -> Any:
        import torch

        tokenizer, model = self._model
        batch = tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
        ).to(self.device)
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state.float()
        if self._pooling == "cls":
            return hidden[:, 0].cpu().numpy()
        mask = batch["attention_mask"][..., None].float()
        return ((hidden * mask).sum(1) / mask.sum(1).clamp(min=1)).cpu().numpy()

    @property
    def _directory(self) -> Path:
        return Path(self.path)

    @cached_property
    def _pooling(self) -> str:
        if not (self._directory / "1_Pooling" / "config.json").is_file():
            return "mean"
        config = self._read_json("1_Pooling/config.json")
        chosen = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
        if chosen == ["pooling_mode_mean_tokens"]:
            return "mean"
        if chosen == ["pooling_mode_cls_token"]:
            return "cls"
        raise ConfigError(
            f"{self.path} pools by {', '.join(chosen)}, which is not supported. Use an encoder that pools by mean or cls."
        )

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self._directory / name
        if not path.is_file():
            raise NotFoundError(
                f"{path} does not exist. [embedder] path must be a Hugging Face model directory."
            )
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise MissingDependencyError.extra("The transformers embedder", "train") from error
        tokenizer = AutoTokenizer.from_pretrained(self.path, local_files_only=True)
        model = AutoModel.from_pretrained(self.path, local_files_only=True).eval().to(self.device)
        return tokenizer, model
