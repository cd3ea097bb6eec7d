"""A Llama of random weights, four layers deep and 32 wide, with a byte tokenizer: everything a training test needs."""

import json

import pytest

from knowhow.types import Message, Role

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tokenizer(folder):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>", "<|pad|>")]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": "<|im_start|>",
                "eos_token": "<|im_end|>",
                "pad_token": "<|pad|>",
                "chat_template": TEMPLATE,
            }
        )
    )


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Return the directory of the tiny model."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


def write_tiny_model(folder, width=32):
    """Write the tiny model into a folder and return it."""
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name, reason="training needs: pip install 'knowhow-ai[train]'")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=width,
        intermediate_size=3 * width // 2,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=258,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


@pytest.fixture
def conversations():
    """Return 24 short conversations of different lengths."""
    return [
        (
            Message(Role.SYSTEM, "Spell it."),
            Message(Role.USER, f"Number {n} " + "so " * (n % 5)),
            Message(Role.ASSISTANT, "abc"[: 1 + n % 3] * (1 + n % 4)),
        )
        for n in range(24)
    ]
