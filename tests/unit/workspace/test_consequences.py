"""What feedback asks for: nothing, waiting, comparing or training again, with numbers that follow from the records."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison

from knowhow.cli import main
from knowhow.releases.feedback import Feedback, Review
from knowhow.storage import read_json, write_json
from knowhow.workspace import Workspace
from knowhow.workspace.consequences import suggest
from knowhow.workspace.feedback import feedback_log, review_feedback


def correct(workspace: Workspace, number: int) -> None:
    """Put one answer right, by one asker and one reviewer."""
    said = Feedback(
        "",
        "",
        "bob",
        f"What does form {number} of hall {number * 13} ask?",
        "No.",
        "down",
        f"It asks {number}.",
    )
    kept = feedback_log(workspace.settings).add(said)
    review_feedback(workspace.settings, Review(kept.id, "", "ada", "wrong"), [])


def test_from_nothing_to_comparing_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "bot", examples=40)
    run = run_comparison(folder)
    # Of two strategies that are right and wrong throughout any difference shows; real ones vary.
    path = folder / ".knowhow" / "runs" / run / "report.json"
    write_json(path, {**read_json(path), "detectable": 0.2})
    with Workspace(folder) as workspace:
        assert suggest(workspace.settings) is None
        correct(workspace, 0)
        few = suggest(workspace.settings)
        assert few is not None
        assert (few.action, few.rows) == ("wait", 1)
        assert "from 5 on" in few.headline
        for number in range(1, 10):
            correct(workspace, number)
        feedback_log(workspace.settings).add(Feedback("", "", "eve", "Q?", "A.", "down"))
        found = suggest(workspace.settings)
        assert found is not None
        assert (found.action, found.rows, found.wrong, found.waiting) == ("compare", 10, 10, 1)
        assert found.held_out + found.training == 10
        report = read_json(path)
        expected = report["detectable"] * math.sqrt(
            report["questions"] / (report["questions"] + found.held_out)
        )
        assert found.detectable_after == pytest.approx(expected)
        assert found.intents == {"no intent": 10}
        assert f"can show a difference of {expected:.3f}" in " ".join(found.reasons)
    assert main(["monitor", "-C", str(folder)]) == 0
    assert "next: Compare again (knowhow compare): 10 corrections" in capsys.readouterr().out
    run_comparison(folder)
    with Workspace(folder) as workspace:
        after = suggest(workspace.settings)
        assert after is not None
        assert (after.action, after.rows) == ("wait", 0)
