"""compare, report and data check through the command line, on the fake parts: what a user sees and what a script gets."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowhow.cli import main
from knowhow.registry import register
from knowhow.testing.fakes import FakeGenerator
from knowhow.types import Conversation

TOPICS = ["amber", "birch", "cedar", "dahlia", "elder", "fern", "gorse", "hazel", "iris", "juniper"]


def _read(conversation: Conversation) -> str:
    """Repeat the sentence of the prompt that answers the question, or say that there is none."""
    prompt = " ".join(message.content for message in conversation)
    name = re.findall(r"keeper of ([\w ]+)\?", prompt)[-1]
    found = re.search(rf"The keeper of {name} is \w+\.", prompt)
    return f"{found[0]} [1]" if found else "I have never heard of it."


@register("generator", "reader")
@dataclass
class Reader(FakeGenerator):
    """A generator that reads perfectly and knows nothing."""

    def __init__(self, adapter: str = "") -> None:
        super().__init__(_read)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    (root / "knowhow.toml").write_text(
        '[embedder]\nname = "fake"\n[generator]\nname = "reader"\n[compare]\nstrategies = ["base", "rag", "oracle"]\n'
    )
    documents = root / "documents"
    documents.mkdir()
    rows = []
    for number in range(60):
        name = f"{TOPICS[number % 10]} {TOPICS[number // 10]} {number}"
        fact = f"The keeper of {name} is person{number}."
        (documents / f"note{number:02d}.md").write_text(f"{fact}\n")
        rows.append(
            {
                "question": f"Who is the keeper of {name}?",
                "answer": fact,
                "evidence": {"document": f"note{number:02d}.md", "quote": fact},
            }
        )
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["ingest", "-C", str(root), "-q"]) == 0
    return root


def test_compare_recommends_rag_and_keeps_everything(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["compare", "-C", str(workspace), "-q", "--require-significant", "--fail-under", "contains=0.5"])
        == 0
    )
    text = capsys.readouterr().out
    assert "Use rag" in text
    assert "diagnostic only" in text
    run = next((workspace / ".knowhow" / "runs").glob("*/run.json")).parent
    names = {path.name for path in run.iterdir()}
    assert names >= {
        "config.json",
        "split.json",
        "examples.jsonl",
        "answers.jsonl",
        "scores.jsonl",
        "report.html",
        "report.json",
        "report.md",
    }


def test_gates_set_the_exit_code(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "-C", str(workspace), "-q", "--fail-under", "contains=1.01"]) == 3
    assert "--fail-under asks for 1.01" in capsys.readouterr().err
    assert (
        main(
            [
                "compare",
                "-C",
                str(workspace),
                "-q",
                "-s",
                "base,oracle",
                "--metric",
                "exact_match",
                "--require-significant",
            ]
        )
        == 4
    )
    assert main(["compare", "-C", str(workspace), "-q", "--fail-under", "contains"]) == 2
    assert main(["compare", "-C", str(workspace), "-q", "--budget", "soon"]) == 2
    assert main(["compare", "-C", str(workspace), "-q", "-s", "ragg"]) == 2
    assert "Did you mean 'rag'" in capsys.readouterr().err


def test_report_prints_the_kept_run_again(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "-C", str(workspace), "-q", "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    for extra in ([], ["--rescore"]):
        assert main(["report", compared["id"], "-C", str(workspace), "--json", *extra]) == 0
        assert json.loads(capsys.readouterr().out) == compared
    assert main(["report", "nonesuch", "-C", str(workspace)]) == 2


def test_advice_and_measurement_stand_side_by_side(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "advised"
    shutil.copytree(workspace, root)
    answers = [
        "--goal",
        "knowledge",
        "--changes",
        "fast",
        "--citations",
        "yes",
        "--corpus-tokens",
        "500000",
        "--yes",
    ]
    assert main(["advise", "-C", str(root), *answers]) == 0
    assert main(["compare", "-C", str(root), "-q", "--json"]) == 0
    out = capsys.readouterr().out
    report = json.loads(out[out.index("\n{") :])
    # The limits that the advice wrote decide: base cites nothing and follows no change.
    assert report["goal"]["citations"] is True
    assert report["goal"]["freshness"] is True
    assert any("base is ruled out" in reason for reason in report["recommendation"]["reasons"])
    prior = report["prior"]
    assert prior["strategy"] == "rag"
    assert "bears the advice out" in prior["verdict"]
    first = prior["steps"][0]
    scores = {item["name"]: item["metrics"]["token_f1"]["interval"]["value"] for item in report["strategies"]}
    assert first["strategies"] == "rag – base"
    assert first["measured"]["value"] == pytest.approx(100 * (scores["rag"] - scores["base"]))
    assert first["measured"]["low"] <= first["measured"]["value"] <= first["measured"]["high"]
    page = next((root / ".knowhow" / "runs").glob(f"{report['id']}/report.html")).read_text()
    assert "Expected and measured" in page
    # And the other way round: advice shows the measurement.
    assert main(["advise", "-C", str(root), "--yes", "--no-save", "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["measurement"]["verdict"] == "agrees"
    assert advice["measurement"]["run"] == report["id"]
    assert advice["measurement"]["steps"][0]["measured"] == pytest.approx(
        first["measured"]["value"], abs=0.01
    )
    assert advice["measurement"]["steps"][0]["measured_interval"] == pytest.approx(
        [first["measured"]["low"], first["measured"]["high"]], abs=0.01
    )


def test_a_second_comparison_is_byte_identical(workspace: Path) -> None:
    def pages() -> dict[str, bytes]:
        runs = workspace / ".knowhow" / "runs"
        return {str(path.relative_to(runs)): path.read_bytes() for path in runs.rglob("scores.jsonl")}

    assert main(["compare", "-C", str(workspace), "-q"]) == 0
    before = pages()
    assert main(["compare", "-C", str(workspace), "-q"]) == 0
    assert pages() == before


def test_data_check_names_rows_and_mends(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "-C", str(workspace)]) == 0
    assert "100% of the answers stand in the documents" in capsys.readouterr().out
    bad = tmp_path / "bad.jsonl"
    bad.write_text(
        '{"question": "Same?", "answer": "yes"}\n{"question": "same", "answer": "no"}\n{"question": "Other?", "answer": "so"}\n{"question": "Third one here?", "answer": "so"}\n'
    )
    assert main(["data", "check", str(bad), "-C", str(workspace)]) == 2
    text = capsys.readouterr().out
    assert "different answers" in text
    assert "lines 1, 2" in text
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"question": "Same?", "answer": "yes"}\n{"question": \n')
    assert main(["data", "check", str(broken), "-C", str(workspace)]) == 2
    assert f"{broken}:2: is not valid JSON" in capsys.readouterr().err
