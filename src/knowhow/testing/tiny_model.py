"""A llama of random weights, small enough for tests: the real engines run on it without any download."""

from __future__ import annotations

from pathlib import Path

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_MERGES = ("t h", "th e", "i n", "a n", "Ġ the", "o n")
_HIDDEN, _INNER, _HEADS, _GROUPS, _LAYERS = 64, 128, 2, 1, 2


def write_tiny_gguf(path: Path, seed: int = 0) -> Path:
    """Write a two-layer llama in float32 GGUF with a byte-level vocabulary and a ChatML template; return `path`."""
    import numpy as np
    from gguf import GGUFWriter

    tokens = [*CONTROL, *_byte_characters(), *(merge.replace(" ", "") for merge in _MERGES)]
    random = np.random.default_rng(seed)
    writer = GGUFWriter(str(path), "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(_HIDDEN)
    writer.add_feed_forward_length(_INNER)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_GROUPS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(_HIDDEN // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(CONTROL) + [1] * (len(tokens) - len(CONTROL)))
    writer.add_token_merges(list(_MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    for name, shape in _shapes(len(tokens)).items():
        array = random.normal(0.0, 0.08, shape) if len(shape) == 2 else np.ones(shape)
        writer.add_tensor(name, array.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    narrow = _HIDDEN // _HEADS * _GROUPS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, _HIDDEN),
        "output_norm.weight": (_HIDDEN,),
    }
    for layer in range(_LAYERS):
        parts = {
            "attn_norm": (_HIDDEN,),
            "ffn_norm": (_HIDDEN,),
            "attn_q": (_HIDDEN, _HIDDEN),
            "attn_k": (narrow, _HIDDEN),
            "attn_v": (narrow, _HIDDEN),
            "attn_output": (_HIDDEN, _HIDDEN),
            "ffn_gate": (_INNER, _HIDDEN),
            "ffn_up": (_INNER, _HIDDEN),
            "ffn_down": (_HIDDEN, _INNER),
        }
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in parts.items()}
    return shapes


def _byte_characters() -> list[str]:
    """Return the 256 printable stand-ins that byte-level BPE writes bytes with, in order of the bytes."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    extra = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(extra)) for byte in range(256)]
