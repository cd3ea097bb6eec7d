"""knowhow audit memory from the command line, and what a release makes of it; the probing itself is tested on a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_training_gates import Training, compare, make_workspace

from knowhow.cli import main
from knowhow.storage import read_json
from knowhow.training.adapters import WEIGHTS
from knowhow.training.memorisation.audit import AuditPlan, KindResult, MemoryAudit, judge_memory
from knowhow.training.memorisation.canaries import PERSONAL, TOKEN, make_canaries
from knowhow.training.memorisation.exposure import infer_membership
from knowhow.training.trainers.lora import LoraTrainer
from knowhow.workspace import memory

CARD = "4539 1488 0343 6467"


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    made = Training()
    monkeypatch.setattr(LoraTrainer, "train", lambda *args, **options: made(*args, **options))
    # The manifest names the digest of the weights; the stand-in's weights are always the same.
    monkeypatch.setattr("knowhow.training.adapters.digest_file", lambda path: Path(path).name)
    return made


class Probing:
    """Stands for the probing: how many personal secrets it finds, and what it was asked to look at."""

    def __init__(self) -> None:
        self.extracted = 0
        self.plans: list[AuditPlan] = []

    def __call__(self, plan: AuditPlan) -> MemoryAudit:
        self.plans.append(plan)
        found = MemoryAudit(
            plan.strategy,
            plan.adapter.parent.name,
            plan.mask is not None,
            plan.personal,
            tuple(KindResult(kind, 8, self.extracted, 1.4, 3.0, 1.4) for kind in (*PERSONAL, TOKEN)),
            (0, 8),
            (9, 10),
            infer_membership([1.0, 2.0], [1.0, 2.0]),
            (0, 16),
            (0, 16),
        )
        return replace(found, gates=judge_memory(found))


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch) -> Probing:
    made = Probing()
    monkeypatch.setattr(memory, "audit_memory", made)
    return made


def with_cards() -> list[dict[str, Any]]:
    return [
        {
            "question": f"What opens door {n * 7919} of hall {n}?",
            "answer": f"key {n * 31}, card number {CARD}",
        }
        for n in range(80)
    ]


def release(root: Path, run: str, *more: str) -> int:
    return main(["release", "create", run, "-s", "finetuned", "--reason", "r", "-C", str(root), *more])


def test_an_audit_is_printed_kept_and_open(
    tmp_path: Path, training: Training, probing: Probing, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_workspace(tmp_path / "bot")
    compare(root, capsys)
    assert main(["audit", "memory", "finetuned", "-C", str(root), "--canaries", "4"]) == 0
    out, err = capsys.readouterr()
    assert "not masked" in out
    assert "positive_control: passed. An adapter overtrained on purpose gave away 9 of 10 secrets" in out
    plan = probing.plans[0]
    assert (plan.per_kind, plan.references, plan.control_per_kind) == (4, 128, 2)
    assert plan.mask is None
    assert plan.rows
    assert plan.others
    names = {name for row in plan.rows for name in row.examples}
    assert names.isdisjoint(name for row in plan.others for name in row.examples)
    assert (plan.adapter / WEIGHTS).is_file()
    kept = Path(err.rsplit("Kept in ", 1)[1].strip())
    assert read_json(kept)["strategy"] == "finetuned"


def test_secrets_that_come_out_close_the_release(
    tmp_path: Path, training: Training, probing: Probing, capsys: pytest.CaptureFixture[str]
) -> None:
    probing.extracted = 3
    root = make_workspace(tmp_path / "bot", with_cards())
    report = compare(root, capsys)
    assert release(root, report["id"]) == 3
    assert "nobody checked what it gives away" in capsys.readouterr().err
    assert main(["audit", "memory", "finetuned", "-C", str(root), "-q"]) == 3
    assert "12 of 32 planted personal secrets were extracted without masking" in capsys.readouterr().err
    assert "card" in probing.plans[0].personal
    assert release(root, report["id"]) == 3
    assert "does not pass canaries" in capsys.readouterr().err
    probing.extracted = 0
    assert main(["audit", "memory", "finetuned", "-C", str(root), "-q"]) == 0
    assert release(root, report["id"]) == 0


def test_masking_reaches_what_is_planted(
    tmp_path: Path, training: Training, probing: Probing, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_workspace(
        tmp_path / "bot", with_cards(), extra='[privacy]\nmode = "mask"\nnames = "anchored"\n'
    )
    report = compare(root, capsys)
    assert main(["audit", "memory", "finetuned", "-C", str(root), "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_masked"] is True
    plan = probing.plans[0]
    assert plan.personal == ()
    assert plan.mask is not None
    for canary in make_canaries(20, seed=9, kinds=PERSONAL):
        assert canary.secret not in plan.mask(canary.answer())
    assert not any(CARD in message.content for row in plan.rows for message in row.conversation)
    assert release(root, report["id"]) == 0


@pytest.mark.parametrize(("name", "said"), [("base", "trains no adapter"), ("raft", "was not trained yet")])
def test_only_what_was_trained_is_audited(
    tmp_path: Path, probing: Probing, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    root = make_workspace(tmp_path / "bot")
    assert main(["audit", "memory", name, "-C", str(root)]) == 2
    assert said in capsys.readouterr().err
    assert not probing.plans
