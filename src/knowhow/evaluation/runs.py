"""Runs on disk: all that a report is made from, so that scores and reports can be made again without generating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from knowhow.errors import DataError, NotFoundError
from knowhow.evaluation.answers import answer_from_json, answer_to_json, example_to_json
from knowhow.evaluation.arms import Goal, Prices
from knowhow.evaluation.examples import parse_example
from knowhow.evaluation.judge_record import JudgeRecord, record_from_json, record_to_json
from knowhow.evaluation.splits import Split, split_from_json
from knowhow.storage import read_json, read_lines, write_json, write_text
from knowhow.types import Answer, Example, Gate, Route, Traits

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """What happened to one arm: why it was not measured or stopped, and the seconds it took, cached answers included.

    `fitted` names the folder under the cache that holds what it learned.
    """

    key: str
    name: str
    seed: int
    digest: str
    traits: Traits
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    fitted: str = ""
    skipped: str = ""
    lost_to: str = ""
    fit_seconds: float = 0.0
    answer_seconds: float = 0.0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class RoutingRecord:
    """How one routing arm came to its answers: `routes` as measured (folds), `kept` as the router in use would choose."""

    arm: str
    candidates: tuple[str, ...]
    folds: int
    routes: Mapping[str, Route] = field(default_factory=dict, hash=False)
    kept: Mapping[str, Route] = field(default_factory=dict, hash=False)
    nearest: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One finished measurement: answers by arm and example id, single-call latencies, and everything it was measured under.

    `gates` holds, by strategy, what was checked of those that train.
    """

    id: str
    decisive: str
    metrics: tuple[str, ...]
    examples: tuple[Example, ...]
    split: Split
    arms: tuple[ArmRecord, ...]
    answers: Mapping[str, Mapping[str, Answer]]
    latencies_ms: Mapping[str, tuple[float, ...]]
    planned: int
    total: int
    alpha: float
    margin: float
    resamples: int
    budget_seconds: float | None
    goal: Goal
    prices: Prices
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    index_version: str
    has_documents: bool
    uncovered: tuple[str, ...] | None
    volatile: Mapping[str, Any] = field(default_factory=dict, hash=False)
    gates: Mapping[str, tuple[Gate, ...]] = field(default_factory=dict, hash=False)
    judge: JudgeRecord | None = None
    routing: RoutingRecord | None = None


def save_run(record: RunRecord, folder: Path) -> None:
    """Write a run; `run.json` comes last, so that a folder with it is complete."""
    _write_lines(folder / "examples.jsonl", [example_to_json(example) for example in record.examples])
    write_json(folder / "split.json", asdict(record.split))
    write_json(folder / "config.json", dict(record.settings))
    _write_lines(
        folder / "answers.jsonl",
        [
            {"arm": arm, "example": example, **answer_to_json(answer)}
            for arm, answers in record.answers.items()
            for example, answer in answers.items()
        ],
    )
    write_json(
        folder / "run.json",
        {
            "format": FORMAT_VERSION,
            "id": record.id,
            "decisive": record.decisive,
            "metrics": list(record.metrics),
            "arms": [asdict(arm) for arm in record.arms],
            "latencies_ms": {arm: list(values) for arm, values in record.latencies_ms.items()},
            "planned": record.planned,
            "total": record.total,
            "alpha": record.alpha,
            "margin": record.margin,
            "resamples": record.resamples,
            "budget_seconds": record.budget_seconds,
            "goal": asdict(record.goal),
            "prices": asdict(record.prices),
            "environment": dict(record.environment),
            "index_version": record.index_version,
            "has_documents": record.has_documents,
            "uncovered": list(record.uncovered) if record.uncovered is not None else None,
            "volatile": dict(record.volatile),
            "routing": asdict(record.routing) if record.routing else None,
            "judge": record_to_json(record.judge),
            "gates": {name: [asdict(gate) for gate in gates] for name, gates in record.gates.items()},
        },
    )


def load_run(folder: Path) -> RunRecord:
    """Read a finished run; NotFoundError when the folder holds none, DataError when it is of a newer format."""
    path = folder / "run.json"
    if not path.is_file():
        raise NotFoundError(f"There is no finished run in {folder}. Make one with: knowhow compare")
    value = read_json(path)
    if value["format"] != FORMAT_VERSION:
        raise DataError(
            f"has the run format {value['format']}, which this version cannot read.",
            source=str(path),
            mend="Use the version of KnowHow that wrote it, or run knowhow compare again.",
        )
    examples_path = folder / "examples.jsonl"
    examples = tuple(
        parse_example(row, source=str(examples_path), line=line)
        for line, row in enumerate(read_lines(examples_path), start=1)
    )
    arms = tuple(ArmRecord(**{**arm, "traits": Traits(**arm["traits"])}) for arm in value["arms"])
    answers: dict[str, dict[str, Answer]] = {arm.key: {} for arm in arms}
    for row in read_lines(folder / "answers.jsonl"):
        answers.setdefault(row["arm"], {})[row["example"]] = answer_from_json(row)
    return RunRecord(
        id=value["id"],
        decisive=value["decisive"],
        metrics=tuple(value["metrics"]),
        examples=examples,
        split=split_from_json(read_json(folder / "split.json")),
        arms=arms,
        answers=answers,
        latencies_ms={arm: tuple(values) for arm, values in value["latencies_ms"].items()},
        planned=value["planned"],
        total=value["total"],
        alpha=value["alpha"],
        margin=value["margin"],
        resamples=value["resamples"],
        budget_seconds=value["budget_seconds"],
        goal=Goal(**value["goal"]),
        prices=Prices(**value["prices"]),
        settings=read_json(folder / "config.json"),
        environment=value["environment"],
        index_version=value["index_version"],
        has_documents=value["has_documents"],
        uncovered=tuple(value["uncovered"]) if value["uncovered"] is not None else None,
        volatile=value["volatile"],
        judge=record_from_json(value.get("judge")),
        routing=_routing_from_json(value.get("routing")),
        gates={name: tuple(Gate(**gate) for gate in gates) for name, gates in value.get("gates", {}).items()},
    )


def _routing_from_json(value: Mapping[str, Any] | None) -> RoutingRecord | None:
    if value is None:
        return None
    routes = {
        name: {example: Route(**route) for example, route in value[name].items()}
        for name in ("routes", "kept")
    }
    return RoutingRecord(**{**value, **routes, "candidates": tuple(value["candidates"])})


def find_run(runs: Path, name: str = "") -> Path:
    """Return the folder of the run whose id starts with `name`, or of the newest; NotFoundError names the known ones."""
    finished = [folder for folder in sorted(runs.glob("*")) if (folder / "run.json").is_file()]
    if not finished:
        raise NotFoundError(f"There is no finished run in {runs}. Make one with: knowhow compare")
    if not name:
        return max(finished, key=lambda folder: (folder / "run.json").stat().st_mtime_ns)
    found = [folder for folder in finished if folder.name.startswith(name)]
    if len(found) != 1:
        raise NotFoundError.unknown("run", name, [folder.name for folder in finished])
    return found[0]


def _write_lines(path: Path, rows: Sequence[Any]) -> None:
    import json

    write_text(path, "".join(f"{json.dumps(row, ensure_ascii=False, sort_keys=True)}\n" for row in rows))
