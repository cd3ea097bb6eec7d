"""The first hour of a user on the command line, with the fake models: init, ingest, list, ask, doctor, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.cli import main

POLICY = "# Card policy\n\n## Disputes\n\nA card payment can be disputed within 60 days.\n\n## Fees\n\nA replacement card costs $6.\n"
SECRET = "# Staff limits\n\nStaff may refund up to $75 without approval.\n"


@pytest.fixture
def workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "my-bot"
    assert main(["init", str(folder)]) == 0
    (folder / "documents" / "internal").mkdir()
    (folder / "documents" / "cards.md").write_text(POLICY)
    (folder / "documents" / "internal" / "limits.md").write_text(SECRET)
    config = (folder / "knowhow.toml").read_text()
    config += '\n[embedder]\nname = "fake"\n[generator]\nname = "fake"\n'
    config = config.replace(
        "[documents]\n", '[documents]\nrules = [{path = "internal/**", groups = ["staff"]}]\n'
    )
    (folder / "knowhow.toml").write_text(config)
    capsys.readouterr()
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_from_folder_to_cited_answer(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ingest", "-C", str(workspace), "--json", "--quiet")
    assert code == 0
    assert json.loads(out)["added"] == 2
    code, out, _ = run(capsys, "ingest", "-C", str(workspace))
    assert "0 added, 0 changed, 0 deleted, 2 unchanged" in out
    code, out, _ = run(capsys, "list", "-C", str(workspace), "--json")
    assert [record["id"] for record in json.loads(out)] == ["cards.md", "internal/limits.md"]
    code, out, _ = run(
        capsys, "ask", "How many days to dispute a card payment?", "-C", str(workspace), "--json"
    )
    answer = json.loads(out)[0]["answer"]
    assert code == 0
    citation = answer["citations"][0]
    assert citation["document_id"] == "cards.md"
    assert citation["heading"][-1] == "Disputes"
    assert POLICY[citation["start"] : citation["end"]] in POLICY
    assert answer["index_version"]


def test_a_reader_without_the_group_sees_nothing_of_it(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ingest", "-C", str(workspace), "-q")
    question = "How much may staff refund without approval?"
    _, out, _ = run(capsys, "ask", question, "-C", str(workspace), "--json", "--expect", "internal/limits.md")
    row = json.loads(out)[0]
    assert "filtered by permission" in row["expected"]
    assert "$75" not in json.dumps(row["answer"])
    _, out, _ = run(capsys, "ask", question, "-C", str(workspace), "--json", "--groups", "staff")
    assert json.loads(out)[0]["answer"]["citations"][0]["document_id"] == "internal/limits.md"


def test_trace_shows_hits_prompt_and_timings(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", "-C", str(workspace), "-q")
    code, out, _ = run(capsys, "ask", "What does a replacement card cost?", "-C", str(workspace), "--trace")
    assert code == 0
    for part in ("hits:", "prompt:", "milliseconds:", "cards.md"):
        assert part in out


def test_rebuild_swaps_in_an_equal_index(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", "-C", str(workspace), "-q")
    _, before, _ = run(capsys, "list", "-C", str(workspace), "--json")
    code, _, _ = run(capsys, "ingest", "-C", str(workspace), "--rebuild", "-q")
    _, after, _ = run(capsys, "list", "-C", str(workspace), "--json")
    assert code == 0
    assert [(row["id"], row["digest"], row["chunks"]) for row in json.loads(before)] == [
        (row["id"], row["digest"], row["chunks"]) for row in json.loads(after)
    ]
    code, out, _ = run(capsys, "ingest", "-C", str(workspace))
    assert "2 unchanged" in out


def test_another_embedder_needs_a_rebuild(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "ingest", "-C", str(workspace), "-q")
    config = workspace / "knowhow.toml"
    config.write_text(
        config.read_text().replace(
            '[embedder]\nname = "fake"', '[embedder]\nname = "fake"\nidentity = "other"'
        )
    )
    code, _, err = run(capsys, "ask", "x", "-C", str(workspace))
    assert code == 2
    assert "knowhow ingest --rebuild" in err
    assert main(["ingest", "-C", str(workspace), "--rebuild", "-q"]) == 0
    assert main(["ask", "What does a card cost?", "-C", str(workspace)]) == 0


@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "message"),
    [
        (None, ["ask", "x", "-C", "{elsewhere}"], 2, "knowhow init"),
        (None, ["ask", "x", "-C", "{workspace}"], 2, "Fill it with: knowhow ingest"),
        (('path = "documents"', 'path = "nowhere"'), ["ingest", "-C", "{workspace}"], 2, "nowhere"),
        (("effort", "efort"), ["ingest", "-C", "{workspace}"], 2, "Did you mean 'effort'"),
        (('name = "fake"', 'name = "fakke"'), ["ingest", "-C", "{workspace}"], 2, "Did you mean 'fake'"),
        (None, ["ingest", "-C", "{workspace}", "--wach"], 2, "--wach"),
        (None, ["init", "{workspace}"], 2, "exists already"),
        (None, ["init", "{workspace}/new", "--docs", "{elsewhere}/none"], 2, "is not a folder"),
    ],
)
def test_mistakes_cost_one_clear_line(
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: tuple[str, str] | None,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    elsewhere = workspace.parent / "elsewhere"
    elsewhere.mkdir()
    if spoil:
        config = workspace / "knowhow.toml"
        config.write_text(config.read_text().replace(*spoil))
    found, _, err = run(
        capsys, *(part.format(workspace=workspace, elsewhere=elsewhere) for part in arguments)
    )
    assert found == code
    assert message in err
    assert "Traceback" not in err


def test_an_unreadable_file_is_one_line_and_stops_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "documents" / "broken.pdf").write_bytes(b"%PDF-1.7 but not really")
    code, out, err = run(capsys, "ingest", "-C", str(workspace), "-q")
    assert code == 0
    assert "2 added" in out
    assert "1 skipped" in out
    lines = [line for line in err.splitlines() if "broken.pdf" in line]
    assert len(lines) == 1
    assert lines[0].startswith("skipped broken.pdf:")


def test_an_empty_folder_is_an_error_not_an_empty_index(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ingest", "-C", str(workspace), "-q")
    for path in [workspace / "documents" / "cards.md", workspace / "documents" / "internal" / "limits.md"]:
        path.unlink()
    code, _, err = run(capsys, "ingest", "-C", str(workspace))
    assert code == 2
    assert "nothing was deleted" in err
    _, out, _ = run(capsys, "list", "-C", str(workspace), "--json")
    assert len(json.loads(out)) == 2
    code, out, _ = run(capsys, "ingest", "-C", str(workspace), "--allow-empty")
    assert code == 0
    assert "2 deleted" in out


def test_doctor_names_what_is_there_and_the_network(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "doctor", "-C", str(workspace), "--json")
    findings = {finding["subject"]: finding for finding in json.loads(out)}
    assert code == 0
    assert findings["network"]["text"] == "no host will be contacted"
    assert findings["documents"]["state"] == "ok"
    assert findings["examples"]["state"] == "missing"
    config = workspace / "knowhow.toml"
    config.write_text(
        config.read_text().replace(
            '[generator]\nname = "fake"',
            '[generator]\nname = "openai"\nbase_url = "https://llm.example:8443/v1"\napi_key_env = "NO_SUCH_KEY"',
        )
    )
    _, out, _ = run(capsys, "doctor", "-C", str(workspace), "--json")
    findings = {finding["subject"]: finding for finding in json.loads(out)}
    assert findings["network"]["text"] == "could contact llm.example:8443"
    assert findings["[generator] key"]["state"] == "missing"
