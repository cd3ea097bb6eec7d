"""The page about training: three knobs, the live curve, and ten of the user's own questions before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse

from knowhow import registry
from knowhow.advisor.text import say
from knowhow.serving.failures import RequestError
from knowhow.serving.forms import read_form
from knowhow.serving.keys import Principal
from knowhow.serving.rendering import render
from knowhow.serving.routes import Route, page, principal_of, service_of
from knowhow.serving.service import Service
from knowhow.serving.task_views import TaskView, view_task
from knowhow.serving.tasks import Task
from knowhow.workspace.knobs import KNOBS, keep_knobs, read_knobs

STRATEGIES = ("raft", "finetuned_rag", "finetuned", "tuned_retriever")
_SHOWN = 3


async def show_training(request: Request) -> Any:
    """The knobs, the running training and the last ones with what they changed."""
    service, person = service_of(request), principal_of(request)

    def gather() -> tuple[list[TaskView], Mapping[str, str], Mapping[str, Any]]:
        tasks = [view_task(service, task) for task in service.tasks.tasks("train")[:_SHOWN]]
        rehearsals = {view.task.id: readable_questions(service, view.task, person) for view in tasks}
        return tasks, read_knobs(service.workspace.root), rehearsals

    tasks, knobs, rehearsals = await service.read(gather)
    known = registry.names("strategy")
    return render(
        request, "train.html", tasks=tasks, knobs=knobs, values=KNOBS, strategies=[name for name in STRATEGIES if name in known],
        base_models=list(dict.fromkeys(("", knobs["base_model"]))), rehearsals=rehearsals,
    )  # fmt: skip


def readable_questions(service: Service, task: Task, person: Principal) -> list[Mapping[str, Any]]:
    """Return the questions of a rehearsal whose answers this person could have been given."""
    return [row for row in service.tasks.rehearsal(task.id) if person.groups >= set(row["groups"])]


async def post_training(request: Request) -> Any:
    """Keep the knobs and begin to train."""
    service, person = service_of(request), principal_of(request)
    form = await read_form(request)
    knobs = {name: form[name] for name in (*KNOBS, "base_model") if name in form}
    await service.read(lambda: start_training(service, person, form.get("strategy", ""), knobs))
    return RedirectResponse("/train", 303)


def start_training(service: Service, person: Principal, strategy: str, knobs: Mapping[str, str]) -> Task:
    """Write the knobs into knowhow.toml, where the next comparison reads them too, and train in the background."""
    known = registry.names("strategy")
    if strategy not in STRATEGIES or strategy not in known:
        raise RequestError(404, say("There is no strategy {name}.", name=strategy[:80]), code="not_found")
    root = service.workspace.root
    for name, values in KNOBS.items():
        if name in knobs and knobs[name] not in values:
            raise RequestError(400, say("Choose one of the values shown."), code="invalid", param=name)
    if knobs.get("base_model", "") not in ("", read_knobs(root)["base_model"]):
        words = say("Another base model is named in knowhow.toml, under [training] base_model, not here.")
        raise RequestError(400, words, code="invalid", param="base_model")
    service.tasks.refuse_if_busy()
    keep_knobs(root, knobs)
    return service.tasks.start("train", {"strategy": strategy}, person.name)


ROUTES: tuple[Route, ...] = (
    page("GET", "/train", "reviewer", show_training, "Train"),
    page("POST", "/train", "admin", post_training, "Begin a training"),
)
