"""Lineage against a ground truth: random documents through every route into many adapters, and nothing missed or made up."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.unit.deletion.learners import leave_adapter, make_workspace, token

from knowhow.cli import main
from knowhow.errors import NotFoundError
from knowhow.storage import write_json
from knowhow.training.pairs import RetrieverPair, write_pairs
from knowhow.training.rows import make_row
from knowhow.types import Chunk, Evidence, Example
from knowhow.workspace import Workspace

DOCUMENTS, ADAPTERS = 30, 8
ROUTES = ("distractor", "gold", "evidence", "positive", "negative", "validation", "shot", "example")


def name(number: int) -> str:
    return f"{token(number, 'file')}.md"


def chunk(number: int) -> Chunk:
    return Chunk(f"c{number}", name(number), "text", 0, 4)


def example(number: int, *documents: int) -> Example:
    return Example(f"x{number}", "Q?", ("A.",), tuple(Evidence(name(item)) for item in documents))


def learn(folder: Path, route: str, documents: list[int]) -> None:
    """Leave what a strategy leaves when it touched `documents` by one route and others not at all."""
    if route in ("distractor", "gold", "evidence"):
        rows = [
            make_row("raft", (), "A.", examples=[example(place, *([item] if route == "evidence" else []))],
                     chunks=[] if route == "evidence" else [chunk(item)], has_gold=route == "gold")
            for place, item in enumerate(documents)
        ]  # fmt: skip
        leave_adapter(folder, "raft", rows)
    elif route in ("positive", "negative"):
        other = Chunk("o", "elsewhere.md", "text", 0, 4)
        write_pairs(
            folder / "pairs.jsonl",
            [
                RetrieverPair("x", "Q?", chunk(item), (other,))
                if route == "positive"
                else RetrieverPair("x", "Q?", other, (chunk(item),))
                for item in documents
            ],
        )
        write_json(folder / "outcome.json", {"examples": [], "documents": []})
    elif route == "validation":
        write_json(
            folder / "outcome.json",
            {"examples": [], "documents": [], "validation_documents": [name(item) for item in documents]},
        )
    else:
        key, values = (
            ("documents", [name(item) for item in documents])
            if route == "shot"
            else ("examples", [f"e{item:04d}" for item in documents])
        )
        write_json(
            folder / "lineage.json", {"strategy": "few_shot", "examples": [], "documents": [], key: values}
        )


@pytest.mark.parametrize("seed", range(3))
def test_precision_and_recall_are_one(tmp_path: Path, seed: int) -> None:
    root = make_workspace(tmp_path / "w", DOCUMENTS)
    chance = random.Random(seed)
    truth: dict[str, set[int]] = {}
    for number in range(ADAPTERS):
        documents = sorted(chance.sample(range(DOCUMENTS), chance.randint(1, 12)))
        folder = f"{number:032x}"
        learn(root / ".knowhow" / "cache" / "fitted" / folder, ROUTES[number], documents)
        truth[folder] = set(documents)
    with Workspace(root) as workspace:
        for number in range(DOCUMENTS):
            uses = workspace.lineage(name(number)).uses
            assert {use.name for use in uses} == {
                folder for folder, touched in truth.items() if number in touched
            }
            assert all(use.count for use in uses if use.kind == "dataset")


def test_the_command_names_what_used_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_workspace(tmp_path / "w", 9)
    here = ("-C", str(root))
    learn(root / ".knowhow" / "cache" / "fitted" / "abc", "distractor", [2])
    assert main(["lineage", name(2), "--json", *here]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["documents"], found["examples"]) == ([name(2)], ["e0002"])
    assert [(use["kind"], use["name"], use["strategy"], use["count"]) for use in found["uses"]] == [
        ("adapter", "abc", "raft", 1),
        ("dataset", "abc", "raft", 1),
    ]
    assert main(["lineage", str(root / "documents" / name(2)), *here]) == 0
    assert "adapter" in capsys.readouterr().out
    assert main(["lineage", name(3), *here]) == 0
    assert "Nothing learned from it" in capsys.readouterr().out
    assert main(["lineage", "fantasy.md", *here]) == 2
    with Workspace(root) as workspace, pytest.raises(NotFoundError):
        workspace.lineage("fantasy.md")


def test_purge_and_wipe_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_workspace(tmp_path / "w", 9)
    here = ("-C", str(root))
    assert main(["purge", *here]) == 2
    assert "Name the documents" in capsys.readouterr().err
    assert (
        main(["purge", name(2), name(3), "--source", "--reason", "asked", "--by", "ada", "--json", *here])
        == 0
    )
    receipt = json.loads(capsys.readouterr().out)
    assert (receipt["by"], receipt["removed"]["documents"], receipt["scan"]["remains"]) == ("ada", 2, [])
    assert main(["purge", "--receipt", receipt["id"], *here]) == 0
    assert "signature: right" in capsys.readouterr().out
    path = root / ".knowhow" / "purged" / f"{receipt['id']}.json"
    path.write_text(path.read_text().replace("ada", "eve"))
    assert main(["purge", "--receipt", receipt["id"], *here]) == 3
    assert "WRONG" in capsys.readouterr().out
    assert main(["purge", "--again", *here]) == 0
    assert "Nothing that was purged" in capsys.readouterr().out
    assert main(["purge", "--resume", *here]) == 2
    (root / ".knowhow" / "stray.txt").write_text(token(4, "body"))
    assert main(["purge", name(4), *here]) == 3
    out = capsys.readouterr().out
    assert "STILL THERE: stray.txt" in out
    assert "1 source files" in out
    assert main(["lineage", name(4), *here]) == 0
    assert "It was purged" in capsys.readouterr().out
    assert main(["purge", "--lift", name(4), *here]) == 0
    assert main(["wipe", *here]) == 3
    assert "--yes" in capsys.readouterr().err
    assert main(["wipe", "--yes", *here]) == 0
    assert not (root / ".knowhow").exists()
