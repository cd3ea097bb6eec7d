"""The embedded embedder: all-MiniLM-L6-v2 in float32 through onnxruntime; also any encoder directory of the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from knowhow.registry import register
from knowhow.retrieval.bulk_encoder import BulkEncoder, is_bulk_encoding_available
from knowhow.retrieval.encoder import OnnxEncoder, read_tokenizer
from knowhow.storage import digest, digest_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from knowhow.protocols import Matrix

_DIMENSION = 384
_BULK = 512
"""From this many texts on, loading torch costs less than it saves."""
_BULK_LOADED = 64
"""From this many on where it is loaded already: the end of an ingest, never a question."""


@register("embedder", "minilm")
@dataclass(eq=False)
class MiniLmEmbedder:
    """Embeds English text; `path` names a tuned encoder (model.onnx and tokenizer.json), empty means the embedded one.

    Texts are cut at `max_tokens` tokens. `threads` 0 uses every core. `precision` "auto" embeds `_BULK` texts and more in bfloat16
    where that is faster (retrieval/bulk_encoder.py), questions always in float32; "float32" never uses anything else.
    """

    path: str = ""
    max_tokens: int = 256
    batch_size: int = 32
    threads: int = 0
    precision: Literal["auto", "float32"] = "auto"

    @property
    def languages(self) -> frozenset[str]:
        """Languages whose texts it places meaningfully; vectors of others are nearly noise."""
        return frozenset({"en"})

    @cached_property
    def identity(self) -> str:
        """Digest of the weights and the token limit; the embedded model's is pinned, so that nothing is loaded for it."""
        if self.path:
            weights = digest_file(Path(self.path) / "model.onnx")
            return f"minilm-tuned:{weights[:16]}:{self.max_tokens}"
        from knowhow.models import MINILM

        return f"minilm:{digest(' '.join(MINILM.files.values()))[:16]}:{self.max_tokens}"

    @property
    def dimension(self) -> int:
        """Columns of the matrix."""
        return self._encoder.dimension if self.path else _DIMENSION

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that counts tokens, without truncation; loads no weights."""
        return read_tokenizer(self._encoder.directory)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens left out."""
        encoded = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encoded]

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return shape (len(texts), dimension), float32, rows of length 1, in the order of `texts`."""
        least = _BULK_LOADED if "_bulk_encoder" in self.__dict__ else _BULK
        if len(texts) >= least and self._has_bulk_encoder:
            return self._bulk_encoder.encode(texts)
        return self._encoder.encode(texts)

    @cached_property
    def _encoder(self) -> OnnxEncoder:
        from knowhow.models import minilm_directory

        directory = Path(self.path) if self.path else minilm_directory()
        return OnnxEncoder(directory, self.max_tokens, self.batch_size, self.threads)

    @cached_property
    def _has_bulk_encoder(self) -> bool:
        return self.precision == "auto" and not self.path and is_bulk_encoding_available()

    @cached_property
    def _bulk_encoder(self) -> BulkEncoder:
        from knowhow.models import MINILM, fetch

        return BulkEncoder(fetch(MINILM), self.max_tokens, self.threads)
