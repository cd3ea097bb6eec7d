"""Champion and challenger behind a live server: shares, outcomes, decisions in the release log, shadow mode and guard rails."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.releases.workspaces import make_workspace, run_comparison
from tests.unit.serving.servers import client, serving

from knowhow.protocols import Components, Pipeline, TextSink
from knowhow.registry import register
from knowhow.releases.events import Event
from knowhow.serving.service import Service
from knowhow.storage import write_json
from knowhow.types import Answer, Query, Traits
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder
from knowhow.workspace.traffic import Traffic

Prepare = Callable[[str, str, str], dict[str, str]]
_BROKEN: set[str] = set()
"""Questions that the strategy `brittle` fails on, while `breaks` is in it."""


class BrittlePipeline:
    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        if "breaks" in _BROKEN:
            return [Answer("", error="The model's text breaks the required form.") for _ in queries]
        return [Answer("fine", completion_tokens=1, prompt_tokens=1) for _ in queries]


@register("strategy", "brittle")
class Brittle:
    traits = Traits()

    def fit(self, examples: Any, components: Components, out: Path) -> None:
        write_json(out / "fitted.json", {})

    def load(self, fitted: Path, components: Components) -> Pipeline:
        if "unloadable" in _BROKEN:
            from knowhow.errors import DataError

            raise DataError("is damaged.", source=str(fitted))
        return BrittlePipeline()


@pytest.fixture(autouse=True)
def whole() -> None:
    _BROKEN.clear()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = make_workspace(tmp_path_factory.mktemp("measured") / "bot", examples=14)
    return folder, run_comparison(folder, "parrot", "mute", "brittle")


@pytest.fixture
def prepare(measured: tuple[Path, str], tmp_path: Path) -> Prepare:
    """Make a workspace with two releases, one the champion, one the challenger; return their ids by strategy."""

    def make(champion: str, challenger: str, extra: str) -> dict[str, str]:
        folder, run = tmp_path / "bot", measured[1]
        shutil.copytree(measured[0], folder)
        with (folder / "knowhow.toml").open("a") as file:
            file.write(extra)
        with Workspace(folder) as workspace:
            ids = {
                name: workspace.release(ReleaseOrder(run, name, "test", by="ada", override="a test")).id
                for name in (champion, challenger)
            }
            workspace.promote(ids[champion], by="ada", reason="first")
            workspace.promote(ids[challenger], by="ada", reason="try it", alias="challenger")
        return ids

    return make


def events(service: Service) -> list[Event]:
    return service.workspace.releases.events()


def until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.02)


def ask(connection: httpx2.Client, number: int) -> dict[str, Any]:
    reply = connection.post(
        "/api/ask", json={"question": f"Which key opens drawer {number % 14} today, case {number}?"}
    )
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def test_a_worse_challenger_is_withdrawn_by_ratings(prepare: Prepare, tmp_path: Path) -> None:
    extra = '[traffic]\nshare = 0.5\nmetric = "rating"\n'
    ids = prepare("parrot", "mute", extra)
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        given: Counter[str] = Counter()
        for number in range(120):
            answer = ask(connection, number)
            given[answer["release"]] += 1
            rating = "up" if answer["release"] == ids["parrot"] else "down"
            connection.post("/api/feedback", json={"answer_id": answer["answer_id"], "rating": rating})
            if not service.answerer.standing().challenger:
                break
        until(lambda: not service.answerer.standing().challenger)
        assert min(given.values()) >= 3
        last = events(service)[-1]
        assert (last.kind, last.release, last.by) == ("withdrawn", ids["mute"], "traffic")
        assert "The challenger is worse. rating: challenger 0.000" in last.reason
        assert {ask(connection, number)["release"] for number in range(20)} == {ids["parrot"]}
        shown = connection.get("/api/traffic").json()[-1]
        assert (shown["state"], shown["result"]["champion"]["mean"]) == ("lost", 1.0)
        until(lambda: bool(connection.get("/api/monitoring").json()["alerts"]))
        alerts = connection.get("/api/monitoring").json()["alerts"]
        assert [alert["kind"] for alert in alerts] == ["withdrawn"]


@pytest.mark.parametrize("promotes", [True, False])
def test_a_better_challenger_wins_by_tasks(prepare: Prepare, tmp_path: Path, promotes: bool) -> None:
    extra = f'[traffic]\nshare = 0.5\nmetric = "task"\npromotes = {str(promotes).lower()}\n'
    ids = prepare("mute", "parrot", extra)
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        for number in range(120):
            answer = ask(connection, number)
            body = {"answer_id": answer["answer_id"], "success": float(answer["release"] == ids["parrot"])}
            reply = connection.post("/api/outcomes", json=body)
            if reply.json()["is_counted"] is False or service.workspace.challenges()[-1].ending:
                break
        until(lambda: service.workspace.challenges()[-1].state == "won")
        if promotes:
            until(lambda: service.answerer.standing().champion == ids["parrot"])
            assert events(service)[-1].by == "traffic"
            assert "The challenger won. task:" in events(service)[-1].reason
        else:
            until(lambda: bool(connection.get("/api/monitoring").json()["alerts"]))
            alert = connection.get("/api/monitoring").json()["alerts"][-1]
            assert "knowhow release promote" in alert["text"]
            assert service.answerer.standing().champion == ids["mute"]
        expected = ids["parrot"] if promotes else ids["mute"]
        assert {ask(connection, 900 + number)["release"] for number in range(12)} == {expected}


def test_a_conversation_stays_with_its_side(prepare: Prepare, tmp_path: Path) -> None:
    prepare("parrot", "mute", "[traffic]\nshare = 0.5\n")
    with serving(tmp_path / "bot") as (address, _):
        connection = client(address)
        firsts = []
        for number in range(8):
            opening = [{"role": "user", "content": f"Opening {number}"}]
            first = connection.post("/v1/chat/completions", json={"messages": opening}).json()
            turns = [
                *opening,
                {"role": "assistant", "content": "so"},
                {"role": "user", "content": f"And {number}?"},
            ]
            second = connection.post("/v1/chat/completions", json={"messages": turns}).json()
            assert first["knowhow"]["release"] == second["knowhow"]["release"]
            firsts.append(first["knowhow"]["release"])
        assert len(set(firsts)) == 2


def test_a_decision_that_a_crash_interrupted_is_carried_out(prepare: Prepare, tmp_path: Path) -> None:
    ids = prepare("parrot", "mute", "[traffic]\nshare = 0.5\n")
    with Workspace(tmp_path / "bot") as workspace:
        traffic = Traffic(
            workspace.settings, lambda release, reason: workspace.promote(release, by="x", reason=reason)
        )
        challenge = traffic.follow()
        assert challenge is not None
        traffic.log.close(challenge.id, "lost", "The challenger is worse.")
        assert workspace.releases.standing().challenger == ids["mute"]
    with serving(tmp_path / "bot") as (_, service):
        until(lambda: not service.workspace.releases.standing().challenger)
        assert events(service)[-1].kind == "withdrawn"


def test_a_challenger_that_fails_is_withdrawn_by_a_guard_rail(prepare: Prepare, tmp_path: Path) -> None:
    ids = prepare("parrot", "brittle", "[traffic]\nshare = 0.5\n")
    _BROKEN.add("breaks")
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        for number in range(80):
            connection.post("/api/ask", json={"question": f"Which key opens drawer {number}?"})
            if not service.answerer.standing().challenger:
                break
        until(lambda: not service.answerer.standing().challenger)
        last = events(service)[-1]
        assert (last.kind, last.release, last.by) == ("withdrawn", ids["brittle"], "guard")
        assert "100% of the last" in last.reason
        assert service.workspace.challenges()[-1].state == "guard"


def test_a_new_champion_that_fails_is_rolled_back_once(prepare: Prepare, tmp_path: Path) -> None:
    ids = prepare("mute", "brittle", "")
    with Workspace(tmp_path / "bot") as workspace:
        workspace.promote(ids["brittle"], by="ada", reason="better")
    _BROKEN.add("breaks")
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        for number in range(40):
            connection.post("/api/ask", json={"question": f"Which key opens drawer {number}?"})
            if service.answerer.standing().champion == ids["mute"]:
                break
            time.sleep(0.02)
        until(lambda: service.answerer.standing().champion == ids["mute"])
        last = events(service)[-1]
        assert (last.kind, last.by) == ("rolled_back", "guard")
        assert "failed; the limit is 20%" in last.reason
        assert ask(connection, 1)["release"] == ids["mute"]


def test_the_champion_steps_in_for_a_challenger_that_cannot_be_loaded(
    prepare: Prepare, tmp_path: Path
) -> None:
    ids = prepare("parrot", "brittle", "[traffic]\nshare = 0.9\n")
    _BROKEN.add("unloadable")
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        assert {ask(connection, number)["release"] for number in range(6)} == {ids["parrot"]}
        until(lambda: not service.workspace.releases.standing().challenger)
        assert "could not be loaded" in events(service)[-1].reason


def test_shadow_answers_are_never_seen_and_count_in_pairs(prepare: Prepare, tmp_path: Path) -> None:
    extra = '[traffic]\nshare = 1.0\nshadow = true\nmetric = "grounding"\n'
    ids = prepare("parrot", "mute", extra)
    with serving(tmp_path / "bot") as (address, service):
        connection = client(address)
        answers = [ask(connection, number) for number in range(14)]
        assert {answer["release"] for answer in answers} == {ids["parrot"]}
        until(lambda: service.shadow.answered >= 8 or service.workspace.challenges()[-1].ending is not None)
        until(lambda: service.workspace.challenges()[-1].judge().blocks >= 5)
        result = service.workspace.challenges()[-1].judge()
        assert result.champion.mean is not None
        assert result.challenger.mean is not None
        assert result.challenger.mean < result.champion.mean
        seen = [row for row in service.observer.monitor.rows() if row.release == ids["mute"]]
        assert seen == []


def test_feedback_on_another_ones_answer_is_no_outcome(prepare: Prepare, tmp_path: Path) -> None:
    prepare("parrot", "mute", "[traffic]\nshare = 0.5\n")
    with serving(tmp_path / "bot") as (address, service):
        keys = [service.keys.create(name, "user", frozenset(), by="test") for name in ("ada", "bob")]
        answer = ask(client(address, keys[0]), 1)
        body = {"answer_id": answer["answer_id"], "success": 1.0}
        assert client(address, keys[1]).post("/api/outcomes", json=body).status_code == 404
        assert (
            client(address, keys[0]).post("/api/outcomes", json={**body, "success": 1.5}).status_code == 400
        )
        assert client(address, keys[0]).post("/api/outcomes", json=body).json() == {"is_counted": True}
