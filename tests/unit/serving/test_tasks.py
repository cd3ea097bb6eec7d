"""Long tasks: their state outlives processes and servers, one runs at a time, and what a person may not read stays hidden."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.flow.served_workspaces import install_fakes, make_bank
from tests.unit.serving.servers import client, serving

import knowhow.testing.fakes  # noqa: F401 - registers the fake embedder and generator
from knowhow.config import Settings, load_settings
from knowhow.serving import task_process
from knowhow.serving.failures import RequestError
from knowhow.serving.service import Service
from knowhow.serving.task_views import draw_curve
from knowhow.serving.tasks import (  # fmt: skip
    DONE,
    FAILED,
    INTERRUPTED,
    LOCK,
    ORDER,
    PROGRESS,
    RUNNING,
    STATE,
    STOPPED,
    WAITING,
    TaskStore,
)
from knowhow.storage import append_lines, locked, read_json, write_json
from knowhow.workspace import Workspace

NAME = "20261121040506-abcdef"


def keep(settings: Settings, state: str, *, name: str = NAME, started: float | None = None) -> Path:
    """Write a task as a process would have left it."""
    folder = settings.state / "tasks" / name
    began = time.time() if started is None else started
    order = {"kind": "compare", "arguments": {}, "by": "ada", "started": began, "root": str(settings.root)}
    write_json(folder / ORDER, order)
    write_json(folder / STATE, {"state": state})
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "knowhow.toml").write_text("")
    return load_settings(tmp_path)


@pytest.mark.parametrize(
    ("left", "is_alive", "age_seconds", "seen"),
    [
        (WAITING, False, 1, WAITING),
        (WAITING, False, 100, INTERRUPTED),
        (WAITING, True, 100, WAITING),
        (RUNNING, True, 10_000, RUNNING),
        (RUNNING, False, 1, INTERRUPTED),
        (DONE, False, 1, DONE),
        (FAILED, False, 1, FAILED),
        (STOPPED, False, 1, STOPPED),
    ],
)
def test_the_state_tells_the_truth_about_the_process(
    settings: Settings, left: str, is_alive: bool, age_seconds: float, seen: str
) -> None:
    folder = keep(settings, left, started=time.time() - age_seconds)
    store = TaskStore(settings)
    if is_alive:
        with locked(folder / LOCK, purpose="the test"):
            assert store.get(NAME).state == seen
    else:
        assert store.get(NAME).state == seen


def test_one_at_a_time(settings: Settings) -> None:
    folder = keep(settings, RUNNING)
    with locked(folder / LOCK, purpose="the test"), pytest.raises(RequestError) as refused:
        TaskStore(settings).start("compare", {}, "ada")
    assert refused.value.status == 409


@pytest.mark.parametrize("name", ["", "x", "..", "../..", f"{NAME}/..", "20261121040506-abcdee"])
def test_only_names_of_tasks_are_looked_up(settings: Settings, name: str) -> None:
    keep(settings, DONE)
    with pytest.raises(RequestError) as refused:
        TaskStore(settings).get(name)
    assert refused.value.status == 404


def test_a_task_that_was_stopped_before_it_began_does_nothing(settings: Settings) -> None:
    folder = keep(settings, WAITING)
    assert TaskStore(settings).stop(NAME).state == STOPPED
    assert task_process.run(folder) == 0
    assert read_json(folder / STATE)["state"] == STOPPED


def test_a_failure_says_how_to_mend_it_and_names_no_path(settings: Settings) -> None:
    folder = keep(settings, WAITING)
    order = read_json(folder / ORDER)
    write_json(folder / ORDER, {**order, "arguments": {"strategies": [], "budget_seconds": 0, "limit": 0}})
    assert task_process.run(folder) == 2
    task = TaskStore(settings).get(NAME)
    assert task.state == FAILED
    assert "examples.jsonl" in task.message
    assert str(settings.root) not in task.message


def test_old_tasks_are_forgotten_and_new_ones_come_first(settings: Settings) -> None:
    for number in range(45):
        keep(settings, DONE, name=f"202611210405{number:02d}-abcdef")
    store = TaskStore(settings)
    assert [task.id[:14] for task in store.tasks()][:2] == ["20261121040544", "20261121040543"]
    store._forget_oldest()
    assert len(store.tasks()) == 40


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx2.Client, Service]]:
    base = tmp_path_factory.mktemp("tasks")
    environment = install_fakes(base / "plugins")
    folder = make_bank(base / "bank", documents=False)
    (folder / "documents" / "desk.md").write_text("The service desk opens at nine.")
    with Workspace(folder) as workspace:
        workspace.ingest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", environment["PYTHONPATH"])
        with serving(folder, fallback="base", groups=frozenset({"staff"})) as (address, service):
            yield client(address), service


def follow(session: httpx2.Client, name: str, last: str = "") -> tuple[list[str], dict[str, object]]:
    """Return the ids of the events and what the last one says."""
    ids, kind = [], ""
    headers = {"Last-Event-ID": last} if last else {}
    with session.stream("GET", f"/api/tasks/{name}/events", headers=headers, timeout=240) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("id: "):
                ids.append(line[4:])
            elif line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: ") and kind == "end":
                return ids, json.loads(line[6:])
    raise AssertionError("the stream ended without its end")


def test_a_comparison_runs_in_its_own_process_and_is_followed_to_its_end(
    live: tuple[httpx2.Client, Service],
) -> None:
    session, service = live
    started = session.post("/api/compare", json={"strategies": ["base", "few_shot"], "limit": 8})
    assert started.status_code == 202, started.text
    name = started.json()["id"]
    assert session.post("/api/compare", json={"strategies": ["base", "few_shot"]}).status_code == 409
    assert session.get("/api/health").json()["status"] == "ok"
    ids, ending = follow(session, name)
    assert ids == [str(number) for number in range(1, len(ids) + 1)]
    assert ending["state"] == DONE, ending
    # Whoever comes back later gets what they have not seen, and the end.
    again, ending = follow(session, name, last=ids[-2])
    assert again == ids[-1:]
    run = ending["result"]["run"]  # type: ignore[index]
    assert [line["id"] for line in session.get("/api/runs").json()] == [run]
    report = session.get(f"/api/runs/{run}").json()
    assert {item["name"] for item in report["strategies"]} == {"base", "few_shot"}
    page = session.get(f"/compare/{run}/questions?left=base&right=few_shot").text
    assert page.count('<article class="card"') == 8
    assert TaskStore(service.workspace.settings).get(name).state == DONE


def test_a_task_can_be_stopped(live: tuple[httpx2.Client, Service]) -> None:
    session, service = live
    name = session.post("/api/compare", json={"strategies": ["base", "few_shot"]}).json()["id"]
    assert session.post(f"/api/tasks/{name}/stop").json()["state"] == STOPPED
    for _ in range(600):
        if not service.tasks.get(name).is_live:
            break
        time.sleep(0.1)
    assert session.get(f"/api/tasks/{name}").json()["state"] == STOPPED
    assert follow(session, name)[1]["state"] == STOPPED


def test_questions_of_others_groups_are_not_shown(live: tuple[httpx2.Client, Service]) -> None:
    session, service = live
    folder = keep(service.workspace.settings, DONE, name="20261121040506-aaaaaa")
    order = read_json(folder / ORDER)
    write_json(folder / ORDER, {**order, "kind": "train", "started": time.time() + 9})
    write_json(
        folder / STATE, {"state": DONE, "result": {"before": "rag", "after": "raft", "metric": "token_f1"}}
    )
    row = {"references": ["r"], "answers": ["a", "b"], "scores": [0.1, None]}
    append_lines(
        folder / "rehearsal.jsonl",
        [
            {**row, "question": "open to all", "groups": []},
            {**row, "question": "for the board", "groups": ["board"]},
        ],
    )
    page = session.get("/train").text
    assert "open to all" in page
    assert "for the board" not in page


def test_a_curve_is_drawn_from_the_last_training() -> None:
    def step(number: int, loss: float, **more: float) -> dict[str, object]:
        return {"figures": {"step": number, "steps": 4, "loss": loss, **more}}

    assert draw_curve([{"figures": {}}, step(1, 2.0)]) is None
    curve = draw_curve([step(1, 9.0), step(2, 8.0), step(1, 2.0), step(2, 1.0, validation=1.5), step(4, 0.0)])
    assert curve is not None
    assert curve.steps == "181.5,10.0 317.0,83.0 588.0,156.0"
    assert (curve.top, curve.bottom, curve.last_step, curve.loss) == ("2.00", "0.00", 4, 1.0)
    assert curve.validation == ((317.0, 46.5),)


def test_progress_is_kept_in_the_tasks_own_folder(settings: Settings) -> None:
    folder = keep(settings, DONE)
    append_lines(folder / PROGRESS, [{"label": "Asking", "done": 1}, {"label": "Asking", "done": 2}])
    assert [row["done"] for row in TaskStore(settings).progress(NAME, 1)] == [2]
