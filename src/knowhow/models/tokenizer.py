"""A `tokenizers` file from the vocabulary inside a GGUF file, giving the same ids as llama.cpp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knowhow.errors import ConfigError

_CONTROL, _USER_DEFINED = 3, 4
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_SPLITS: Mapping[str, tuple[str, ...]] = {
    "default": (_GPT2,),
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "llama-bpe": (_LLAMA3,),
    "qwen2": (_QWEN2,),
}
"""How each pre-tokenizer that llama.cpp names cuts text before merging (its patterns in order)."""


def supports(metadata: Mapping[str, Any]) -> bool:
    """Say whether the vocabulary in GGUF `metadata` can be rebuilt exactly."""
    return (
        metadata.get("tokenizer.ggml.model") == "gpt2"
        and metadata.get("tokenizer.ggml.pre", "default") in _SPLITS
        and {"tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type"} <= set(metadata)
    )


def build_tokenizer(metadata: Mapping[str, Any]) -> Any:
    """Return a `tokenizers.Tokenizer` for the byte-level BPE vocabulary in GGUF `metadata`; ConfigError for other kinds."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    if not supports(metadata):
        raise ConfigError(
            f"The model's tokenizer '{metadata.get('tokenizer.ggml.pre', '')}' is not one that KnowHow can rebuild "
            f"(it can: {', '.join(sorted(_SPLITS))}). Use the model's Hugging Face directory instead."
        )
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    pre = str(metadata.get("tokenizer.ggml.pre", "default"))
    tokenizer = Tokenizer(
        models.BPE(
            vocab={token: number for number, token in enumerate(tokens)},
            merges=[tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]],
            # Llama 3 takes a whole piece that is in the vocabulary before it tries merges.
            ignore_merges=pre == "llama-bpe",
        )
    )
    cuts = [pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in _SPLITS[pre]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == _CONTROL
        ]
    )
    tokenizer.add_tokens(
        [
            AddedToken(token, special=False, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == _USER_DEFINED
        ]
    )
    return tokenizer
