"""Routing measured without asking anything twice: its answers are those of the strategies it chooses, each chosen without the question's own outcome.

Which strategy answers which intent is learned from held-out outcomes, because training rows flatter whatever was trained on them. So
that no question decides its own route, the held-out questions are divided into folds (clusters stay whole) and the routes of each
fold are learned from the others only. The router that is kept for use has learned from all of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from knowhow.errors import DataError
from knowhow.evaluation.answers import AnswerStore, to_query
from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.evaluation.asking import ArmRunner
from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.runs import RoutingRecord
from knowhow.protocols import Components, Router, RoutingStrategy
from knowhow.storage import digest, digest_file, digest_json, write_json
from knowhow.types import Answer, Example, Recognition, Route, Traits

_FOLDS = 10


def has_routing(plan: ExperimentPlan) -> bool:
    """Say whether an arm routes between the others; none of them is given up early then, as it may be best for one intent."""
    return any(isinstance(arm.strategy, RoutingStrategy) for arm in plan.arms)


def measure_routing(
    plan: ExperimentPlan,
    arm: Arm,
    runners: Sequence[ArmRunner],
    train: Sequence[Example],
    asked: Sequence[Example],
    clusters: Mapping[str, str],
    components: Components,
) -> tuple[ArmRunner, RoutingRecord]:
    """Return the routing arm with an answer to every question; DataError where there is nothing to choose between."""
    strategy = arm.strategy
    assert isinstance(strategy, RoutingStrategy)
    candidates = _candidates(plan, strategy, runners)
    started = time.perf_counter()
    traits = {name: runner.arm.traits for name, runner in candidates.items()}
    untaught = strategy.router(train, components, traits)
    fit_seconds = time.perf_counter() - started
    started = time.perf_counter()
    recognised = untaught.recognise([to_query(example) for example in asked])
    route_seconds = (time.perf_counter() - started) / max(1, len(asked))
    outcomes = {name: _outcomes(plan, runner, asked) for name, runner in candidates.items()}
    folds = divide(asked, clusters)
    routes = cross_route(untaught, recognised, outcomes, folds)
    router = untaught.learn(recognised, outcomes)
    used = [candidates[name] for name in router.reachable()]
    fit_seconds += sum(runner.fit_seconds for runner in used)
    folder = _keep(plan, arm, strategy, router, candidates, train, [recognised, outcomes])
    folder_digest = digest_json(
        [
            [str(path.relative_to(folder)), digest_file(path)]
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
    )
    identity = digest_json([arm.digest, folder_digest, arm.seed])
    runner = ArmRunner(
        replace(arm, traits=join_traits([item.arm.traits for item in used])),
        AnswerStore(plan.cache / "answers", identity, plan.index_version),
        strategy.load(folder, components),
        identity,
        folder.name,
        fit_seconds,
    )
    for example, route in zip(asked, routes, strict=True):
        chosen = candidates[route.strategy]
        kept = chosen.store.get(chosen.question(example))
        assert kept is not None
        runner.answers[example.id] = _explain(kept.answer, route, 1000 * route_seconds)
        runner.answer_seconds += kept.seconds + route_seconds
    ids = [example.id for example in asked]
    return runner, RoutingRecord(
        arm.key,
        tuple(candidates),
        len(set(folds)),
        dict(zip(ids, routes, strict=True)),
        dict(zip(ids, router.decide(recognised), strict=True)),
        dict(zip(ids, [item.nearest for item in recognised], strict=True)),
    )


def cross_route(
    router: Router,
    recognised: Sequence[Recognition],
    outcomes: Mapping[str, Sequence[float | None]],
    folds: Sequence[int],
) -> list[Route]:
    """Return the route of each question by a router that learned the outcomes of the other folds only."""
    routes: dict[int, Route] = {}
    for fold in sorted(set(folds)):
        inside = [place for place, number in enumerate(folds) if number == fold]
        rest = [place for place, number in enumerate(folds) if number != fold]
        taught = router.learn(
            [recognised[place] for place in rest],
            {name: [values[place] for place in rest] for name, values in outcomes.items()},
        )
        found = taught.decide([recognised[place] for place in inside])
        routes.update(zip(inside, found, strict=True))
    return [routes[place] for place in range(len(folds))]


def divide(asked: Sequence[Example], clusters: Mapping[str, str]) -> list[int]:
    """Return a fold per question: clusters stay whole and are dealt out in the order of their digests."""
    names = sorted({clusters[example.id] for example in asked}, key=digest)
    place = {name: number % _FOLDS for number, name in enumerate(names)}
    return [place[clusters[example.id]] for example in asked]


def join_traits(parts: Sequence[Traits]) -> Traits:
    """Return the traits of what answers by several strategies: it can only promise what all of them keep."""
    return Traits(
        retrieves=any(item.retrieves for item in parts),
        learns=any(item.learns for item in parts),
        cites=all(item.cites for item in parts),
        is_live=all(item.is_live for item in parts),
    )


def _candidates(
    plan: ExperimentPlan, strategy: RoutingStrategy, runners: Sequence[ArmRunner]
) -> dict[str, ArmRunner]:
    goal = plan.goal
    able = {
        runner.arm.name: runner
        for runner in runners
        if runner.arm.seed == 0
        and not (runner.arm.traits.is_diagnostic or runner.lost_to)
        and not (goal.citations and not runner.arm.traits.cites)
        and not (goal.freshness and not runner.arm.traits.is_live)
        and not (goal.permissions and runner.arm.traits.learns and not runner.arm.traits.retrieves)
    }
    chosen = {name: able[name] for name in strategy.choices(list(able))}
    if len(chosen) < 2:
        raise DataError(
            f"Routing needs at least two strategies to choose between and has {', '.join(chosen) or 'none'}.",
            mend="Compare more strategies beside it, or relax [goal].",
        )
    return chosen


def _outcomes(plan: ExperimentPlan, runner: ArmRunner, asked: Sequence[Example]) -> list[float | None]:
    metric, sign = plan.metrics[plan.decisive], 1.0 if information(plan.decisive).higher_is_better else -1.0
    values = [metric(example, runner.answers[example.id]) for example in asked]
    return [None if value is None else sign * value for value in values]


def _keep(
    plan: ExperimentPlan,
    arm: Arm,
    strategy: RoutingStrategy,
    router: Router,
    candidates: Mapping[str, ArmRunner],
    train: Sequence[Example],
    learned: Sequence[object],
) -> Path:
    fitted = {name: plan.cache / "fitted" / runner.fitted for name, runner in candidates.items()}
    value = [
        arm.digest,
        {name: runner.digest for name, runner in candidates.items()},
        [[example.question, example.intent] for example in train],
        repr(learned),
    ]
    folder = plan.cache / "fitted" / digest_json(value)[:32]
    marker = folder.with_name(f"{folder.name}.done.json")
    if not marker.is_file():
        strategy.keep(router, fitted, folder)
        write_json(marker, {"seconds": 0.0})
    return folder


def _explain(answer: Answer, route: Route, milliseconds: float) -> Answer:
    return replace(
        answer,
        notes=(f"Routed to {route.strategy}: {route.reason}", *answer.notes),
        latency_ms=round(answer.latency_ms + milliseconds, 3),
        timings_ms={"route": round(milliseconds, 3), **answer.timings_ms},
    )
