"""Gates of trained strategies as a user meets them: in the report, in the verdict, at release, and overruled by name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from knowhow.cli import main
from knowhow.registry import register
from knowhow.storage import write_bytes, write_json
from knowhow.testing.fakes import FakeGenerator
from knowhow.training.adapters import FACTS, WEIGHTS
from knowhow.training.gates import read_skills
from knowhow.training.trainers.lora import LoraTrainer
from knowhow.types import Conversation

_SKILLS = {skill.question: skill.accepted[0] for skill in read_skills()}
_ROWS = [
    {"question": f"What opens door {n * 7919} of hall {n}?", "answer": f"key {n * 31}"} for n in range(80)
]
_ANSWERS = {row["question"]: row["answer"] for row in _ROWS}
_FACTS = {"base_model": "b", "base_digest": "b", "data_digest": "d", "seed": 0, "versions": {}, "options": {}}


@register("generator", "pupil")
@dataclass
class Pupil(FakeGenerator):
    """Knows the world but not the house; with an adapter it knows the house, and the world only where it did not forget."""

    adapter: str = ""

    def __post_init__(self) -> None:
        """Another adapter is another model."""
        self.identity = f"pupil {self.adapter}"
        self.forgets = bool(self.adapter) and json.loads((Path(self.adapter) / FACTS).read_text())["forgets"]
        self.reply = self._say

    def _say(self, conversation: Conversation) -> str:
        last = conversation[-1].content
        if last in _SKILLS:
            return "key 5" if self.forgets else _SKILLS[last]
        asked = next((question for question in _ANSWERS if question in last), "")
        return _ANSWERS[asked] if asked and self.adapter else "No idea."


class Training:
    """Stands for the training process: what it writes, and how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0
        self.forgets = False

    def __call__(
        self, trainer: LoraTrainer, conversations: Sequence[Conversation], out: Path, *, seed: int = 0
    ) -> None:
        self.calls += 1
        write_bytes(out / WEIGHTS, b"weights")
        write_json(out / FACTS, {**_FACTS, "forgets": self.forgets})


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    made = Training()
    monkeypatch.setattr(LoraTrainer, "train", lambda *args, **options: made(*args, **options))
    return made


def make_workspace(root: Path, rows: Sequence[dict[str, Any]] = _ROWS, extra: str = "") -> Path:
    root.mkdir(exist_ok=True)
    (root / "knowhow.toml").write_text(
        '[embedder]\nname = "fake"\n[generator]\nname = "pupil"\n[compare]\nstrategies = ["base", "finetuned"]\n'
        + extra
    )
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def compare(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["compare", "-C", str(root), "-q", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_passes_every_gate_is_recommended_and_released(
    tmp_path: Path, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_workspace(tmp_path / "bot")
    report = compare(root, capsys)
    gates = {gate["name"]: gate for gate in report["gates"]["finetuned"]}
    assert list(gates) == ["margin", "lint", "general_skill", "out_of_distribution", "leakage", "refusals"]
    assert all(gate["passed"] for gate in gates.values())
    assert (gates["general_skill"]["before"], gates["general_skill"]["value"]) == (1.0, 1.0)
    assert gates["out_of_distribution"]["before"] == 0.0
    assert gates["out_of_distribution"]["value"] == 1.0
    assert report["recommendation"]["strategy"] == "finetuned"
    assert main(["report", "-C", str(root)]) == 0
    assert "finetuned: all gates open." in capsys.readouterr().out
    release = ["release", "create", report["id"], "-s", "finetuned", "--reason", "r", "-C", str(root)]
    assert main(release) == 0


def test_what_forgot_too_much_is_refused_until_somebody_answers_for_it(
    tmp_path: Path, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    training.forgets = True
    root = make_workspace(tmp_path / "bot")
    report = compare(root, capsys)
    assert report["recommendation"]["strategy"] == "undecided"
    assert any(
        "general_skill" in reason and "[training] overrule" in reason
        for reason in report["recommendation"]["reasons"]
    )
    release = ["release", "create", report["id"], "-s", "finetuned", "--reason", "r", "-C", str(root)]
    assert main(release) == 3
    assert "does not pass general_skill" in capsys.readouterr().err
    assert main([*release, "--override", "only forms are asked for"]) == 0
    make_workspace(root, extra='[training]\noverrule = ["general_skill"]\n')
    report = compare(root, capsys)
    assert report["recommendation"]["strategy"] == "finetuned"
    closed = [gate["name"] for gate in report["gates"]["finetuned"] if not gate["passed"]]
    overruled = [gate["name"] for gate in report["gates"]["finetuned"] if gate["is_overruled"]]
    assert closed == overruled == ["general_skill"]
    assert training.calls == 1, "judging otherwise trains nothing again"


def test_contradictions_and_leaks_close_their_gates(
    tmp_path: Path, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "split": "train" if place % 2 else "held_out"} for place, row in enumerate(_ROWS)]
    rows.append({**rows[0], "split": "train"})
    rows.append({**rows[1], "answer": "another key"})
    report = compare(make_workspace(tmp_path / "bot", rows), capsys)
    gates = {gate["name"]: gate for gate in report["gates"]["finetuned"]}
    assert not gates["leakage"]["passed"]
    assert not gates["lint"]["passed"]
    for kind in ("contradiction", "duplicate", "leak_question"):
        assert kind in gates["lint"]["reason"]
    assert report["recommendation"]["strategy"] != "finetuned"


@pytest.mark.parametrize("names", ['["tint"]', '"lint"', '["leakage.rows"]'])
def test_only_gates_can_be_overruled(
    tmp_path: Path, training: Training, capsys: pytest.CaptureFixture[str], names: str
) -> None:
    root = make_workspace(tmp_path / "bot", extra=f"[training]\noverrule = {names}\n")
    assert main(["compare", "-C", str(root), "-q"]) == 2
    assert "[training] overrule" in capsys.readouterr().err
    assert training.calls == 0


def test_what_keeps_no_rows_is_held_to_its_training_examples(tmp_path: Path) -> None:
    from knowhow.config import parse_settings
    from knowhow.evaluation.runs import ArmRecord
    from knowhow.testing.strategies import FakeComponents
    from knowhow.types import Example, Traits
    from knowhow.workspace.gates import GateMeasurer

    training = [Example("t1", "How high is the fee abroad?", ("low",))]
    measurer = GateMeasurer(parse_settings({}, tmp_path), FakeComponents({}), training, lambda *_: 1.0, list)
    arm = ArmRecord("own", "own", 0, "d", Traits(learns=True), fitted="folder")
    assert [row.examples for row in measurer._rows(arm, training)] == [("t1",)]
    inner = tmp_path / ".knowhow" / "cache" / "fitted" / "folder" / "strategies" / "raft"
    inner.mkdir(parents=True)
    (inner / "rows.jsonl").write_text(
        json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})
        + "\n"
    )
    (inner / "pairs.jsonl").write_text(json.dumps({"query": "p", "metadata": {"examples": ["t2"]}}) + "\n")
    assert [row.kind for row in measurer._rows(arm, training)] == ["sft", "pair"]
