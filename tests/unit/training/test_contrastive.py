"""Retriever tuning on a tiny BERT: the loss by hand, learning, resumption, and the export that the embedder serves."""

import json

import pytest

from knowhow.training.job import Job

torch = pytest.importorskip("torch", reason="training needs: pip install 'knowhow-ai[train]'")

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *["red", "green", "blue", "amber", "beige", "cyan", "box", "number", "color", "what", "is", "it", "a"],
]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"})
    )
    return folder


ROWS = [
    {"query": f"what color {first}", "positive": f"box {second}", "negatives": [f"number {first}"]}
    for first, second in [
        ("red", "amber"),
        ("green", "beige"),
        ("blue", "cyan"),
        ("a", "is"),
        ("it", "a"),
        ("is", "it"),
    ]
]


def make_loop(tiny_bert, tmp_path, **changes):
    from transformers import AutoModel, AutoTokenizer

    from knowhow.training.contrastive import ContrastiveLoop, ContrastiveOptions

    options = ContrastiveOptions(
        **{"batch_pairs": 3, "epochs": 8.0, "learning_rate": 3e-3, "checkpoint_seconds": 0.0, **changes}
    )
    torch.set_num_threads(1)
    model = AutoModel.from_pretrained(tiny_bert, dtype=torch.float32, add_pooling_layer=False).eval()
    job = Job(tmp_path / "pairs.jsonl", tiny_bert, "tiny", tmp_path / "out", tmp_path, {}, 1)
    return ContrastiveLoop(model, AutoTokenizer.from_pretrained(tiny_bert), ROWS, options, job)


def test_the_loss_is_info_nce(tiny_bert, tmp_path):
    loop = make_loop(tiny_bert, tmp_path, temperature=0.5)
    batch = ROWS[:2]
    passages = ["box amber", "number red", "box beige", "number green"]
    questions, vectors = loop.embed([row["query"] for row in batch]), loop.embed(passages)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(4))
    scores = questions @ vectors.T / 0.5
    expected = -(scores.log_softmax(-1)[0, 0] + scores.log_softmax(-1)[1, 2]) / 2
    torch.testing.assert_close(loop.loss(batch), expected)


def test_a_second_right_passage_is_no_negative(tiny_bert, tmp_path):
    loop = make_loop(tiny_bert, tmp_path, negatives=0)
    twice = [ROWS[0], {**ROWS[0], "positive": "box cyan"}]
    assert loop.loss(twice).item() == pytest.approx(0.0, abs=1e-6)


def test_tuning_learns_and_resumes_to_the_same_bits(tiny_bert, tmp_path, monkeypatch):
    whole = make_loop(tiny_bert, tmp_path / "whole")
    state = whole.run()
    assert state.step == 16
    assert sum(state.losses[-2:]) < 0.7 * sum(state.losses[:2])

    class Killed(BaseException):
        pass

    killed = make_loop(tiny_bert, tmp_path / "killed")
    loss = killed.loss

    def die(batch):
        if killed.state.step == 9:
            raise Killed
        return loss(batch)

    monkeypatch.setattr(killed, "loss", die)
    with pytest.raises(Killed):
        killed.run()
    again = make_loop(tiny_bert, tmp_path / "killed")
    assert again.run().losses == state.losses
    for name, item in whole.parameters.items():
        assert torch.equal(item, again.parameters[name]), name


def test_the_embedder_serves_the_tuned_encoder(tiny_bert, tmp_path):
    from knowhow.retrieval.embedders.minilm import MiniLmEmbedder
    from knowhow.storage import append_lines
    from knowhow.training.contrastive import tune

    append_lines(tmp_path / "pairs.jsonl", ROWS)
    options = {"epochs": 8.0, "learning_rate": 3e-3, "blend": 1.0, "batch_pairs": 3}
    tune(
        Job(tmp_path / "pairs.jsonl", tiny_bert, "tiny", tmp_path / "encoder", tmp_path / "work", options, 1)
    )
    embedder = MiniLmEmbedder(path=str(tmp_path / "encoder"))
    questions = embedder.embed([row["query"] for row in ROWS])
    passages = embedder.embed([row["positive"] for row in ROWS])
    assert ((questions @ passages.T).argmax(axis=1) == range(6)).mean() > 0.8
    facts = json.loads((tmp_path / "encoder" / "training.json").read_text())
    assert facts["losses"][-1] < facts["losses"][0]
