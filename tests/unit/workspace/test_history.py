"""What a workspace's own records tell the advisor: volume, drift, growth of examples, and what changed since the last decision."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from knowhow.advisor.outcomes import Outcome
from knowhow.cli import main
from knowhow.config import Settings, load_settings
from knowhow.releases.feedback import Feedback, FeedbackLog, Review
from knowhow.storage import append_lines, write_json
from knowhow.workspace import Workspace
from knowhow.workspace.history import LEAST_SCORED, History, read_history

DAY = 86_400.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "knowhow.toml").write_text("")
    return load_settings(tmp_path)


def moment(days_ago: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days_ago * DAY))


def keep_answers(settings: Settings, days_ago: list[float], **fields: Any) -> None:
    for days in days_ago:
        when = time.time() - days * DAY
        name = f"answers-{time.strftime('%Y-%m-%d', time.gmtime(when))}.jsonl"
        append_lines(settings.state / "monitoring" / name, [{"time": when, "release": "r1", **fields}])


def release(settings: Settings, grounding: float) -> None:
    from knowhow.releases.events import Event, append_event

    append_event(
        settings.state / "releases" / "events.jsonl",
        [],
        Event(0, "", "promoted", "r1", "ann", "it won", alias="champion"),
    )
    write_json(
        settings.state / "releases" / "r1" / "release.json", {"strategy": "rag", "proof": {"run": "run1"}}
    )
    interval = {"value": grounding, "low": 0, "high": 1, "level": 0.95}
    strategies = [{"name": "rag", "metrics": {"grounding": {"interval": interval}}}]
    write_json(settings.state / "runs" / "run1" / "report.json", {"strategies": strategies})


def test_an_untouched_workspace_shows_nothing(settings: Settings) -> None:
    assert read_history(settings, (), None) == History()


def test_volume_is_the_mean_over_the_days_since_the_first_answer(settings: Settings) -> None:
    # 60 answers over 20 days; the 40 older than a month do not count.
    keep_answers(settings, [20 * place / 59 for place in range(60)] + [40.0] * 40)
    found = read_history(settings, (), None)
    assert found.live_days == pytest.approx(20, abs=0.01)
    assert found.queries_per_day == pytest.approx(3, abs=0.01)


def test_an_hour_of_service_is_counted_as_a_day(settings: Settings) -> None:
    keep_answers(settings, [0.04, 0.02, 0.01])
    found = read_history(settings, (), None)
    assert (found.queries_per_day, found.live_days) == (3, 1)


def test_without_figures_the_audit_log_is_counted_and_only_what_came_over_http(settings: Settings) -> None:
    rows = [
        {"kind": "asked", "door": door, "time": moment(days)}
        for days, door in ((10, "http"), (5, "http"), (4, "cli"), (90, "http"))
    ]
    append_lines(settings.state / "audit" / "log.jsonl", [*rows, {"kind": "released", "time": moment(1)}])
    found = read_history(settings, (), None)
    assert found.queries_per_day == pytest.approx(0.2, abs=0.001)


def test_live_grounding_below_the_measured_one_is_drift_by_its_certain_part(settings: Settings) -> None:
    release(settings, grounding=0.9)
    later = 1e-9
    keep_answers(settings, [-later] * 50, grounding=0.5)
    keep_answers(settings, [-later] * 50, grounding=0.7)
    # Another release and an answer that was not sampled do not count.
    keep_answers(settings, [-later] * 50, release="r0", grounding=0.0)
    keep_answers(settings, [-later] * 50)
    # mean .6, deviation .1005, so at most .6 + 1.645 * .01005 = .6165 is believed: 28.35 points below .9.
    found = read_history(settings, (), None)
    assert found.drift_points == pytest.approx(28.35, abs=0.01)


def test_better_live_answers_are_no_drift_and_few_say_nothing(settings: Settings) -> None:
    release(settings, grounding=0.4)
    keep_answers(settings, [0.0] * (LEAST_SCORED - 1), grounding=0.9)
    assert read_history(settings, (), None).drift_points is None
    keep_answers(settings, [-1e-9] * 10, grounding=0.8)
    assert read_history(settings, (), None).drift_points == 0


def review(settings: Settings, days_ago: float, verdict: str, example: str = "") -> None:
    log = FeedbackLog(settings.state / "feedback")
    name = f"f{len(log.items())}"
    feedback = Feedback(name, moment(days_ago), "user", "Q?", "A.", rating="down")
    log._append("feedback", {**_plain(feedback)})
    log._append("review", _plain(Review(name, moment(days_ago), "ann", verdict, answer="B.")))  # type: ignore[arg-type]
    if example:
        log.mark_example(name, example)


def _plain(value: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return json.loads(json.dumps(asdict(value)))


def test_reviews_show_drift_only_as_a_change_over_time(settings: Settings) -> None:
    for _ in range(40):
        review(settings, 60, "right")
    for place in range(40):
        review(settings, 3, "right" if place % 2 else "wrong")
    # 1.0 before, 0.5 now: 50 points less 1.645 * sqrt(.25 / 40) = 13.0.
    assert read_history(settings, (), None).drift_points == pytest.approx(37.0, abs=0.01)


def test_examples_grow_since_the_oldest_decision_that_counted_them(settings: Settings) -> None:
    decisions = [
        {"moment": moment(90), "outcome": "start_with_rag"},
        {"moment": moment(60), "seen": {"examples": 20}},
        {"moment": moment(20), "seen": {"examples": 40}},
    ]
    assert read_history(settings, decisions, 80).examples_per_month == pytest.approx(30, abs=0.01)
    assert read_history(settings, decisions[2:], 80).examples_per_month == pytest.approx(60, abs=0.01)
    young = [{"moment": moment(3), "seen": {"examples": 20}}]
    assert read_history(settings, young, 80).examples_per_month is None


def test_examples_from_feedback_are_a_pace_too(settings: Settings) -> None:
    for place in range(12):
        review(settings, 30, "right", example=f"e{place}")
    assert read_history(settings, (), 5).examples_per_month == pytest.approx(12, abs=0.01)


def test_broken_records_do_not_break_advice(settings: Settings) -> None:
    for name in ("monitoring/answers-2026-01-01.jsonl", "audit/log.jsonl", "feedback/log.jsonl"):
        path = settings.state / name
        path.parent.mkdir(parents=True)
        path.write_text('{"time": \n[1, 2]\n{}\n')
    assert read_history(settings, (), None) == History()


def write_examples(root: Path, count: int) -> None:
    rows = [{"question": f"What is rule {place}?", "answer": f"Rule {place}."} for place in range(count)]
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_again_sees_what_came_in_and_decides_anew(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    root = settings.root
    write_examples(root, 20)
    flags = ["--goal", "both", "--changes", "fast", "--citations", "yes", "--volume", "100"]
    assert main(["advise", "-C", str(root), *flags, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "start_with_rag"
    write_examples(root, 900)
    keep_answers(settings, [20 * place / 59 for place in range(60)])
    assert main(["advise", "-C", str(root), "--again", "--json", "--no-save"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "rag_light_fine_tuning"
    again = found["again"]
    assert again["earlier"] == "start_with_rag"
    assert {item["fact"]: (item["before"], item["now"]) for item in again["changes"]} == {
        "examples": ("20", "900"),
        "queries_per_day": ("not known", "3"),
    }
    states = {item["trigger"]: item["has_fired"] for item in again["triggers"]}
    assert states["examples_reached"] is True
    assert states["volume_crossed"] is False
    assert main(["advise", "-C", str(root), "--again"]) == 0
    text = capsys.readouterr().out
    assert "clean examples: 20 → 900" in text
    assert main(["advise", "-C", str(root), "--again"]) == 0
    assert "Nothing that the workspace shows has changed" in capsys.readouterr().out


def test_a_pilot_of_a_few_days_does_not_replace_the_planned_volume(settings: Settings) -> None:
    workspace = Workspace(settings.root, replace(settings, goal={"goal": "knowledge", "volume": 3000}))
    keep_answers(settings, [2.0, 1.0])
    assert workspace.advise_again().after.answers.volume == 3000
    keep_answers(settings, [20.0])
    assert workspace.advise_again().after.answers.volume == 1


def test_python_reconsiders_too(settings: Settings) -> None:
    found = Workspace(settings.root).advise_again(citations="yes")
    assert found.earlier is None
    assert found.changes == ()
    assert found.after.outcome is Outcome.RAG
