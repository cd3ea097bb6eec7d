"""Routing from the table in knowhow.toml to a release that answers: measured, asked, released and served as one pipeline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import SECRET, make_workspace, run_comparison

from knowhow.cli import main
from knowhow.errors import ConfigError, NotFoundError
from knowhow.types import Answer, Query
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

ROUTER = """
[router]
confidence = 0.6

[router.intents.keys]
updates = "daily"

[router.intents.smalltalk]
phrases = ["good evening"]
"""
MOODS = ("fine", "merry", "tired", "sunny", "rainy", "busy")
KEY = "Which key opens drawer 7 of clerk 49 today?"
CHAT = "How merry is your weekend mood, dear desk?"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = make_workspace(tmp_path_factory.mktemp("routed"), examples=24, extra=ROUTER)
    path = folder / "examples.jsonl"
    rows = [{**json.loads(line), "intent": "keys"} for line in path.read_text().splitlines()]
    for number in range(24):
        rows.append(
            {
                "id": f"s{number:03d}",
                "question": f"How {MOODS[number % 6]} is your weekend mood {number * 13} dear desk {number * 7919}?",
                "answer": "hmm",
                "intent": "smalltalk",
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder, run_comparison(folder, "parrot", "mute", "routed")


def names(answers: list[Answer]) -> list[str]:
    return [answer.notes[0].split(":")[0].removeprefix("Routed to ") for answer in answers]


def test_the_comparison_finds_that_routing_pays(measured: tuple[Path, str]) -> None:
    folder, run = measured
    with Workspace(folder) as workspace:
        report, page = workspace.report(run)
    assert report.routing is not None
    assert report.routing.pays
    assert report.recommendation.strategy == "routed"
    assert {(item.intent, item.strategy) for item in report.routing.intents if item.intent} == {
        ("keys", "parrot"),
        ("smalltalk", "mute"),
    }
    assert "Routing pays" in page.read_text()


def test_ask_sends_each_question_to_its_strategy_and_says_why(measured: tuple[Path, str]) -> None:
    folder, _ = measured
    with Workspace(folder) as workspace:
        answers = workspace.ask([KEY, CHAT, "Good evening!"], strategy="routed")
    assert names(answers) == ["parrot", "mute", "mute"]
    assert "217" in answers[0].text
    assert "its facts change daily, so they are looked up" in answers[0].notes[0]
    assert "by an agreed phrase" in answers[2].notes[0]


def test_a_release_of_routing_answers_the_same_whatever_the_table_says_later(
    measured: tuple[Path, str], tmp_path: Path
) -> None:
    folder, run = measured
    queries = [Query(KEY), Query(CHAT), Query("Good evening!")]
    with Workspace(folder) as workspace:
        before = workspace.ask([query.text for query in queries], strategy="routed")
        release = workspace.release(ReleaseOrder(run, "routed", "it pays", by="tests"))
        assert {Path(file.path).parts[1] for file in release.files if len(Path(file.path).parts) > 1} == {
            "parrot"
        }
        archive = tmp_path / "routed.tar"
        workspace.releases.export(release.id, archive)
    text = (folder / "knowhow.toml").read_text()
    changed = make_workspace(tmp_path / "other", examples=24, extra='[router]\nfallback = "mute"\n')
    try:
        (folder / "knowhow.toml").write_text(text.replace("daily", "never").replace("good evening", "howdy"))
        with Workspace(folder) as workspace:
            pipeline = workspace.released(release.id)
            after = pipeline.answer(queries)
    finally:
        (folder / "knowhow.toml").write_text(text)
    assert [answer.text for answer in after] == [answer.text for answer in before]
    assert names(after) == names(before)
    assert all(answer.release == release.id for answer in after)
    with Workspace(changed) as workspace:
        workspace.releases.take_archive(archive, by="tests", reason="moved")
        moved = workspace.released(release.id).answer(queries)
    assert [answer.text for answer in moved] == [answer.text for answer in before]


def test_permissions_hold_through_the_router(measured: tuple[Path, str]) -> None:
    folder, _ = measured
    question = "Which key opens the refund of staff without asking the head of desk?"
    with Workspace(folder) as workspace:
        pipeline = workspace.pipeline("routed")
        stranger, staff = pipeline.answer([Query(question), Query(question, frozenset({"staff"}))])
    assert names([stranger, staff]) == ["parrot", "parrot"]
    assert SECRET not in stranger.text
    assert staff.text == SECRET


def test_the_command_line_shows_the_decision(
    measured: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run = measured
    assert main(["ask", KEY, "--strategy", "routed", "--json", "-C", str(folder)]) == 0
    assert "Routed to parrot" in capsys.readouterr().out
    assert main(["report", run, "-C", str(folder)]) == 0
    assert "Routing pays" in capsys.readouterr().out.replace("\n", " ")


def test_a_mistake_in_the_table_names_the_section(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, examples=4, extra="[router]\nfalback = 'rag'\n")
    with Workspace(folder) as workspace, pytest.raises(ConfigError, match=r"\[router\].*'falback'.*fallback"):
        workspace.strategy("routed")


def test_routing_that_was_never_measured_says_how_to_begin(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path, examples=4, extra="[router]\nfallback = 'rag'\n")
    with Workspace(folder) as workspace, pytest.raises(NotFoundError, match="knowhow compare"):
        workspace.ask([KEY], strategy="routed")


def test_routing_joins_a_comparison_by_itself_once_there_is_a_table(tmp_path: Path) -> None:
    from knowhow.workspace.comparison import ComparisonOptions, plan_comparison

    folder = make_workspace(tmp_path, examples=8, extra="[router]\nfallback = 'rag'\n")
    with Workspace(folder) as workspace:
        plan, components = plan_comparison(workspace.settings, ComparisonOptions())
        assert plan.arms[-1].name == "routed"
        components.close()
        bare = replace(workspace.settings, router={})
        plan, components = plan_comparison(bare, ComparisonOptions())
        assert "routed" not in {arm.name for arm in plan.arms}
        components.close()
