"""A task as pages show it: its last step, and the curve of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowhow.serving.service import Service
from knowhow.serving.tasks import Task

WIDTH, HEIGHT = 600, 180
_LEFT, _BOTTOM, _TOP, _RIGHT = 46, 24, 10, 12
_SMOOTHED = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Loss by step as places in a picture of WIDTH x HEIGHT: each step, the running mean, and the validation after each epoch."""

    steps: str
    mean: str
    validation: tuple[tuple[float, float], ...]
    top: str
    bottom: str
    last_step: int
    loss: float


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task with the step it is in: done of total, how long that took and how long it may still take, in seconds."""

    task: Task
    label: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    note: str = ""
    seconds: float = 0.0
    left_seconds: float | None = None
    curve: Curve | None = None


def view_task(service: Service, task: Task) -> TaskView:
    """Return a task with what its process reported last."""
    rows = service.tasks.progress(task.id)
    if not rows:
        return TaskView(task)
    last = rows[-1]
    done, total, seconds = last["done"], last["total"], last["seconds"]
    left = seconds / done * (total - done) if total and done and seconds else None
    return TaskView(
        task, last["label"], done, total, last["unit"], last["note"], seconds, left, draw_curve(rows)
    )


def view_latest(service: Service, kind: str) -> list[TaskView]:
    """Return the running task of a kind, or else the one that ended last."""
    return [view_task(service, task) for task in service.tasks.tasks(kind)[:1]]


def draw_curve(rows: Sequence[Mapping[str, Any]]) -> Curve | None:
    """Return the curve of the last training among the steps, None before its second step."""
    points: list[tuple[int, float, float | None]] = []
    steps = 0
    for row in rows:
        figures = row["figures"]
        if "loss" not in figures:
            continue
        if points and figures["step"] <= points[-1][0]:
            # Another seed or strategy began.
            points = []
        points.append((int(figures["step"]), float(figures["loss"]), figures.get("validation")))
        steps = int(figures["steps"])
    if len(points) < 2:
        return None
    losses = [loss for _, loss, _ in points]
    means = [sum(losses[max(0, place - _SMOOTHED + 1) : place + 1]) / len(losses[max(0, place - _SMOOTHED + 1) : place + 1]) for place in range(len(losses))]  # fmt: skip
    seen = [value for _, _, value in points if value is not None]
    low, high = min([*losses, *seen]), max([*losses, *seen])
    span = (high - low) or 1.0

    def x(step: int) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * step / max(steps, 1), 1)

    def y(loss: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (high - loss) / span, 1)

    return Curve(
        " ".join(f"{x(step)},{y(loss)}" for step, loss, _ in points),
        " ".join(f"{x(point[0])},{y(mean)}" for point, mean in zip(points, means, strict=True)),
        tuple((x(step), y(value)) for step, _, value in points if value is not None),
        f"{high:.2f}",
        f"{low:.2f}",
        points[-1][0],
        means[-1],
    )
