"""Strategies that train: what they learn from, what they leave behind, and what they load, with parts that stand in for models."""

import json
import shutil
from dataclasses import dataclass, field

import pytest

from knowhow import registry
from knowhow.errors import DataError
from knowhow.storage import read_json, write_bytes, write_json
from knowhow.testing.fakes import FakeEmbedder, FakeGenerator, FakeRetriever
from knowhow.training.adapters import FACTS, WEIGHTS, read_manifest
from knowhow.training.fitting import select_rows
from knowhow.training.rows import TrainingRow
from knowhow.types import Answering, Chunk, Evidence, Example, Format, Query

COLORS = ("amber", "beige", "cyan", "denim", "ebony", "fawn", "gold", "hazel", "indigo", "jade")
CHUNKS = [
    Chunk(
        f"c{n}", f"doc{n}", f"The box number {n} is painted {color}.", 0, 40, title=f"Box {n}", language="en"
    )
    for n, color in enumerate(COLORS)
]
EXAMPLES = [
    Example(f"e{n}", f"What color has box number {n}?", (color,), (Evidence(f"doc{n}"),), split="train")
    for n, color in enumerate(COLORS)
]
TRAINED = ("finetuned", "finetuned_rag", "raft")


class FakeTrainer:
    """Writes what a trainer leaves: weights that depend on rows and seed, and the facts of the run."""

    row_limit = 100

    def train(self, conversations, out, *, seed=0):
        write_bytes(out / WEIGHTS, repr((conversations, seed)).encode())
        facts = {"base_model": "fake", "base_digest": "b", "data_digest": "d", "seed": seed, "versions": {}}
        write_json(out / FACTS, {**facts, "options": {}})


@dataclass
class FakeComponents:
    """Hands out fakes; the generator says which adapter it was given."""

    format: Format = field(default_factory=Format)
    answering: Answering = field(default_factory=lambda: Answering(not_found="Not in the documents.", k=3))
    index_version: str = "v1"
    training_groups: frozenset = frozenset()
    fake_trainer: FakeTrainer = field(default_factory=FakeTrainer)

    def chunks(self):
        return iter(CHUNKS)

    def embedder(self, encoder=None):
        return FakeEmbedder()

    def retriever(self, encoder=None):
        return FakeRetriever(CHUNKS)

    def generator(self, adapter=None):
        return FakeGenerator(
            lambda turns: f"adapter {read_manifest(adapter)['strategy'] if adapter else 'none'}"
        )

    def trainer(self):
        return self.fake_trainer


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_strategy_answers_with_its_adapter_also_from_a_copied_folder(name, tmp_path):
    components = FakeComponents()
    strategy = registry.build("strategy", name, {})
    strategy.fit(EXAMPLES, components, tmp_path / "fitted")
    shutil.copytree(tmp_path / "fitted", tmp_path / "copy")
    shutil.rmtree(tmp_path / "fitted")
    answer = strategy.load(tmp_path / "copy", components).answer([Query("What color has box number 4?")])[0]
    assert answer.text == f"adapter {name}"
    assert bool(answer.hits) is strategy.traits.retrieves


@pytest.mark.parametrize(
    ("name", "kinds", "documents"),
    [("finetuned", {"sft", "text"}, 10), ("finetuned_rag", {"rag"}, 10), ("raft", {"raft"}, 10)],
)
def test_the_manifest_names_everything_touched(name, kinds, documents, tmp_path):
    strategy = registry.build("strategy", name, {"seed": 2})
    strategy.fit(EXAMPLES, FakeComponents(), tmp_path)
    manifest = read_manifest(tmp_path / "adapter")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert set(manifest["rows"]) == kinds == {row["metadata"]["kind"] for row in rows}
    assert set(manifest["examples"]) <= {example.id for example in EXAMPLES}
    shown = {
        chunk.document_id
        for chunk in CHUNKS
        for row in rows
        if any(chunk.text in m["content"] for m in row["messages"])
    }
    assert set(manifest["documents"]) == shown
    assert len(shown) == documents
    assert manifest["seed"] == 2


def test_training_rows_are_put_as_questions_are_at_answering_time(tmp_path):
    components = FakeComponents()
    strategy = registry.build("strategy", "finetuned_rag", {})
    row = strategy.rows(EXAMPLES, components)[4]
    strategy.fit(EXAMPLES, components, tmp_path)
    answer = strategy.load(tmp_path, components).answer([Query(EXAMPLES[4].question)])[0]
    assert row.conversation[:-1] == answer.prompt


@pytest.mark.parametrize("name", TRAINED)
def test_three_examples_give_one_line(name, tmp_path):
    with pytest.raises(DataError, match="There are 3 training examples"):
        registry.build("strategy", name, {}).fit(EXAMPLES[:3], FakeComponents(), tmp_path)


@pytest.mark.parametrize(("after", "is_kept"), [(1.0, True), (0.5, False), (0.2, False)])
def test_a_tuned_encoder_stays_only_where_it_finds_more(after, is_kept, tmp_path, monkeypatch):
    from knowhow.training import encoder

    recalls = iter([0.5, after])
    monkeypatch.setattr(encoder, "run_job", lambda module, path, threads: None)
    monkeypatch.setattr(encoder, "encoder_directory", lambda: tmp_path)
    monkeypatch.setattr(encoder, "measure_recall", lambda *_: {"recall@1": next(recalls)})
    asked = []

    class Components(FakeComponents):
        def retriever(self, encoder=None):
            asked.append(encoder)
            return FakeRetriever(CHUNKS)

    components = Components()
    strategy = registry.build("strategy", "tuned_retriever", {})
    strategy.fit(EXAMPLES, components, tmp_path / "fitted")
    asked.clear()
    strategy.load(tmp_path / "fitted", components)
    assert asked == [tmp_path / "fitted" / "encoder" if is_kept else None]
    outcome = read_json(tmp_path / "fitted" / "outcome.json")
    assert outcome["is_kept"] is is_kept
    assert set(outcome["examples"]).isdisjoint(outcome["validation_examples"])
    assert len(outcome["validation_examples"]) == 2


def test_recall_counts_gold_documents_among_the_first_hits():
    from knowhow.evidence import EvidenceChunks
    from knowhow.training.encoder import measure_recall

    known = EvidenceChunks(CHUNKS)
    assert measure_recall(FakeRetriever(CHUNKS), EXAMPLES, known)["recall@1"] == 1.0
    assert measure_recall(FakeRetriever(CHUNKS[:5]), EXAMPLES, known)["recall@10"] == 0.5
    assert measure_recall(FakeRetriever(CHUNKS), [], known)["recall@1"] == 0.0


def test_rows_are_public_few_and_the_same_each_time() -> None:
    rows = [TrainingRow("sft", (), (f"e{number}",)) for number in range(30)]
    secret = TrainingRow("sft", (), ("s",), groups=frozenset([frozenset(["staff"])]))
    parity = TrainingRow("text", ())
    chosen = select_rows([*rows, secret, parity], 10)
    assert len(chosen) == 11
    assert secret not in chosen
    assert parity in chosen
    assert chosen == select_rows([*rows, secret, parity], 10)
    assert [row for row in rows if row in chosen] == chosen[:-1]
    assert {row.examples for row in chosen} <= {
        row.examples for row in select_rows([*rows, secret, parity], 20)
    }
