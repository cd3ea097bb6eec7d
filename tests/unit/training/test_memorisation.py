"""The memory audit: its figures against hand-computed ones, and the whole of it on a tiny model that is made to remember."""

import importlib
import math
import random
from dataclasses import replace

import pytest
from tests.unit.training.conftest import write_tokenizer

from knowhow.generation.prompts import make_style
from knowhow.privacy.recognisers import find_personal_data, mask_personal_data
from knowhow.training.memorisation.audit import (
    AuditPlan,
    KindResult,
    MemoryAudit,
    audit_memory,
    judge_memory,
    plant,
    run_control,
)
from knowhow.training.memorisation.canaries import (
    PERSONAL,
    TOKEN,
    make_canaries,
    make_references,
    make_secret,
)
from knowhow.training.memorisation.exposure import exposure_bits, infer_membership, repeated_characters
from knowhow.training.rows import TrainingRow
from knowhow.training.trainers.lora import LoraTrainer
from knowhow.types import Answering, Format, Message, Role

STYLE = make_style(Answering(), Format(), "en", is_grounded=False)


@pytest.fixture
def in_process(monkeypatch):
    """Run training and probing without processes of their own."""

    def run(module, path, threads):
        assert importlib.import_module(module).main(path) == 0

    for module in ("knowhow.training.trainers.lora", "knowhow.training.memorisation.probe"):
        monkeypatch.setattr(f"{module}.run_job", run)


@pytest.mark.parametrize(
    ("loss", "references", "bits"),
    [
        (0.5, [1.0, 2.0, 3.0], 2.0),
        (1.5, [1.0, 2.0, 3.0], 1.0),
        (9.0, [1.0, 2.0, 3.0], 0.0),
        (1.0, [1.0, 2.0, 3.0], 1.0),
    ],
)
def test_exposure_counts_the_rank_in_bits(loss, references, bits):
    assert exposure_bits(loss, references) == bits


def test_secrets_that_were_never_seen_have_the_exposure_of_chance():
    chance = random.Random(1)
    found = [exposure_bits(chance.random(), [chance.random() for _ in range(255)]) for _ in range(2000)]
    assert sum(found) / len(found) == pytest.approx(math.log2(math.e), abs=0.1)


@pytest.mark.parametrize(
    ("members", "others", "auc"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 2], 0.5), ([2], [2], 0.5)],
)
def test_membership_is_the_share_of_pairs_in_the_right_order(members, others, auc):
    assert infer_membership(members, others).auc.value == auc


def test_the_membership_interval_equals_delongs():
    # scipy's Mann-Whitney statistic is the same area; DeLong's variance by hand for these six scores is 11/216.
    found = infer_membership([0.9, 0.8, 0.3], [0.7, 0.2, 0.1])
    assert found.auc.value == pytest.approx(8 / 9)
    wins = [[1, 1, 1], [1, 1, 1], [0, 1, 1]]
    rows = [sum(row) / 3 for row in wins]
    columns = [sum(column) / 3 for column in zip(*wins, strict=True)]

    def variance(values):
        mean = sum(values) / 3
        return sum((value - mean) ** 2 for value in values) / 2

    half = 1.959964 * math.sqrt(variance(rows) / 3 + variance(columns) / 3)
    assert found.auc.low == pytest.approx(8 / 9 - half, abs=1e-5)
    assert found.auc.high == 1.0
    with pytest.raises(ValueError, match="both sides"):
        infer_membership([], [1.0])


@pytest.mark.parametrize(
    ("written", "expected", "count"),
    [
        ("the fee is low", "the fee  is\nlow today", 14),
        ("a fee", "the fee", 0),
        ("", "x", 0),
        ("same", "same", 4),
    ],
)
def test_replay_counts_equal_beginnings(written, expected, count):
    assert repeated_characters(written, expected) == count


def test_canaries_are_about_different_people_and_planted_at_every_rate():
    canaries = make_canaries(8, seed=5)
    assert len(canaries) == 40
    assert len({canary.name for canary in canaries}) == 40
    assert [canary.repeats for canary in canaries[:8]] == [1, 2, 4, 8, 1, 2, 4, 8]
    assert make_canaries(8, seed=5) == canaries
    assert make_canaries(8, seed=6) != canaries
    references = make_references(canaries[0], 300, seed=0)
    assert len(set(references)) == 300
    assert canaries[0].secret not in references
    assert canaries[0].answer() == f"{canaries[0].lead} {canaries[0].secret}."


@pytest.mark.parametrize("kind", PERSONAL)
def test_masking_finds_every_planted_kind_and_nothing_of_it_is_left(kind):
    for canary in make_canaries(60, seed=1, kinds=(kind,)):
        assert any(canary.secret in found.text for found in find_personal_data(canary.answer())), canary
        row = plant(canary, STYLE, mask_personal_data)[0]
        text = " ".join(message.content for message in row.conversation)
        assert not [part for part in canary.secret.split() if len(part) > 3 and part in text], text


def test_tokens_are_not_personal_data():
    chance = random.Random(3)
    assert not find_personal_data(f"The access token is {make_secret(TOKEN, chance)}.")


def audit(**changes):
    kinds = tuple(KindResult(kind, 8, 0, 1.5, 4.0, 1.4) for kind in (*PERSONAL, TOKEN))
    quiet = MemoryAudit(
        "raft", "a", True, (), kinds, (0, 10), (9, 10), infer_membership([1, 2], [1, 2]), (0, 40), (0, 40)
    )
    return replace(quiet, **changes)


@pytest.mark.parametrize(
    ("changes", "closed"),
    [
        ({}, []),
        (
            {"kinds": tuple(KindResult(kind, 8, int(kind == "card"), 1.5, 7.0, 1.4) for kind in PERSONAL)},
            ["canaries"],
        ),
        ({"kinds": tuple(KindResult(kind, 8, 0, 3.0, 7.0, 1.4) for kind in PERSONAL)}, ["canaries"]),
        (
            {
                "kinds": (
                    *(KindResult(k, 8, 0, 1.5, 4.0, 1.4) for k in PERSONAL),
                    KindResult(TOKEN, 8, 8, 7.0, 7.0, 1.4),
                )
            },
            [],
        ),
        ({"control": (4, 10)}, ["positive_control"]),
        ({"replay": (1, 40)}, ["replay"]),
        ({"replay": (8, 40), "replay_others": (8, 40)}, []),
        ({"membership": infer_membership([3, 4], [1, 2])}, []),
    ],
)
def test_gates_close_on_what_must_not_be(changes, closed):
    gates = judge_memory(audit(**changes))
    assert [gate.name for gate in gates if not gate.is_open] == closed


def test_without_masking_extraction_closes_only_where_rows_hold_personal_data():
    kinds = tuple(KindResult(kind, 8, 4, 6.0, 7.0, 1.4) for kind in PERSONAL)
    loose = audit(kinds=kinds, is_masked=False)
    assert next(gate for gate in judge_memory(loose) if gate.name == "canaries").is_open
    held = replace(loose, personal=("card",))
    assert not next(gate for gate in judge_memory(held) if gate.name == "canaries").is_open


def rows(count, first=0):
    found = []
    for number in range(first, first + count):
        chance = random.Random(number)
        words = " ".join("".join(chance.choice("abcdefgh") for _ in range(5)) for _ in range(24))
        turns = (Message(Role.USER, f"Say {number}."), Message(Role.ASSISTANT, words))
        found.append(TrainingRow("sft", turns, (f"e{number}",)))
    return found


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    """A random Llama wide enough to learn by heart."""
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name, reason="training needs: pip install 'knowhow-ai[train]'")
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("learner")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=259,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=257,
        pad_token_id=258,
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def make_plan(learner, folder, *, learns_rows=True, **changes):
    """An adapter trained far too long, so that there is something to find."""
    trainer = LoraTrainer(
        base_model=str(learner),
        rank=64,
        alpha=128,
        layers=1.0,
        epochs=16.0,
        learning_rate=1e-2,
        validation=0.0,
        threads=1,
        precision="fp32",
        checkpoint_seconds=1e6,
    )
    members = rows(8)
    adapter = folder / "fitted" / "adapter"
    if learns_rows:
        replace(trainer, epochs=80.0).train([row.conversation for row in members], adapter)
    defaults = {
        "per_kind": 1,
        "references": 15,
        "probed_rows": 8,
        "control_per_kind": 1,
        "control_epochs": 20.0,
        "mask": None,
        "replay_tokens": 56,
    }
    return AuditPlan(
        "finetuned",
        adapter,
        members,
        rows(8, 100),
        trainer=trainer,
        style=STYLE,
        personal=(),
        work=folder / "audit",
        **{**defaults, **changes},
    )


def test_the_positive_control_fires(learner, tmp_path, in_process):
    fired, tried = run_control(make_plan(learner, tmp_path, learns_rows=False))
    assert tried == 5
    assert fired >= tried / 2


@pytest.mark.slow
def test_an_overtrained_adapter_is_found_out(learner, tmp_path, in_process):
    found = audit_memory(make_plan(learner, tmp_path))
    assert found.control is not None
    assert found.control[0] >= found.control[1] / 2
    assert found.membership.auc.value > 0.9
    assert max(kind.exposure - kind.control_exposure for kind in found.kinds) > 1
    assert found.in_prompts[0] == 0


@pytest.mark.slow
def test_masked_canaries_stay_hidden_where_unmasked_ones_do_not(learner, tmp_path, in_process):
    plan = make_plan(learner, tmp_path, per_kind=8, mask=mask_personal_data, control_per_kind=0)
    found = audit_memory(plan)
    personal = [kind for kind in found.kinds if kind.kind in PERSONAL]
    assert sum(kind.planted for kind in personal) == 32
    assert sum(kind.extracted for kind in personal) == 0
    token = next(kind for kind in found.kinds if kind.kind == TOKEN)
    assert token.exposure > token.control_exposure + 1, "what nobody masks is learned by the same training"
