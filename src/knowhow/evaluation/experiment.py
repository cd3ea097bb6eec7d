"""The experiment: fit on training rows, ask the held-out ones shard by shard, keep every answer, and stop where it is decided."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from knowhow.errors import DataError, KnowHowError
from knowhow.evaluation.answers import AnswerStore, KeptAnswer, question_digest
from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.evaluation.asking import ArmRunner, answer_examples
from knowhow.evaluation.budget import LATENCY_TIME, Budget, next_shard, plan_questions
from knowhow.evaluation.coverage import find_uncovered
from knowhow.evaluation.fitting import fit_arm
from knowhow.evaluation.metrics.information import information
from knowhow.evaluation.routing import has_routing, measure_routing
from knowhow.evaluation.runs import ArmRecord, RoutingRecord, RunRecord, save_run
from knowhow.evaluation.shared_retrieval import SharedComponents
from knowhow.evaluation.splits import Split, label_clusters, split_examples
from knowhow.evaluation.stopping import find_given_up
from knowhow.evaluation.timing import time_single_answers
from knowhow.progress import Progress, progress
from knowhow.protocols import RoutingStrategy
from knowhow.storage import digest, digest_file, digest_json, locked, read_json, write_json
from knowhow.types import Example

_FEWEST_TIMED, _FEWEST_TIMED_IN_BUDGET = 5, 2


def run_experiment(plan: ExperimentPlan) -> RunRecord:
    """Measure every arm on the held-out examples and write the run; an interrupted run continues where it was.

    Raises DataError when nothing is held out, PolicyError while another process measures the same thing.
    """
    budget = Budget(plan.budget_seconds)
    split = split_examples(plan.examples, plan.held_out)
    identity = plan_digest(plan, split)
    folder = plan.runs / identity
    with locked(plan.runs / f".{identity}.lock", purpose=f"the comparison {identity}"):
        by_id = {example.id: example for example in plan.examples}
        train = [by_id[row] for row in split.train]
        held_out, clusters = _order([by_id[row] for row in split.held_out])
        held_out = held_out[: plan.limit or None]
        components = SharedComponents(plan.components)
        runners, skipped = _prepare(plan, train, components)
        if not runners:
            raise DataError(
                "No strategy could be measured." + "".join(f" {key}: {why}" for key, why in skipped.items())
            )
        planned = _ask_all(plan, runners, held_out, clusters, components, budget, folder)
        routing = _route(plan, runners, skipped, train, held_out[:planned], clusters, components)
        latencies = _time_singles(plan, runners, held_out[:planned], components, budget, folder)
        record = _record(
            plan, identity, split, held_out[:planned], len(held_out), runners, skipped, latencies, budget
        )
        record = replace(record, routing=routing)
        if plan.measure_gates is not None:
            record = replace(record, gates=plan.measure_gates(record))
        save_run(record, folder)
    return record


def plan_digest(plan: ExperimentPlan, split: Split) -> str:
    """Return the id of a run: equal plans over equal data and index have equal ids (10 hex digits)."""
    return digest_json(
        [
            split.digest,
            [question_digest(example, with_evidence=True) for example in plan.examples],
            [[arm.key, arm.digest] for arm in plan.arms],
            sorted(plan.metrics),
            [plan.decisive, plan.index_version, plan.limit, plan.budget_seconds, plan.alpha, plan.margin],
            [plan.resamples, plan.stops_early, plan.latency_calls, asdict(plan.goal), asdict(plan.prices)],
        ]
    )[:10]


def _order(held_out: Sequence[Example]) -> tuple[list[Example], dict[str, str]]:
    """Shuffle clusters by digest, keeping each together, so that any first part is a fair sample and bounds stay valid."""
    clusters = label_clusters(held_out)
    ordered = sorted(held_out, key=lambda example: (digest(clusters[example.id]), digest(example.id)))
    return ordered, clusters


def _prepare(
    plan: ExperimentPlan, train: Sequence[Example], components: SharedComponents
) -> tuple[list[ArmRunner], dict[str, str]]:
    runners: list[ArmRunner] = []
    skipped: dict[str, str] = {}
    with progress("Preparing strategies", len(plan.arms), "strategies") as bar:
        for arm in plan.arms:
            if isinstance(arm.strategy, RoutingStrategy):
                # It learns from the answers of the others, so its turn comes when they have answered.
                bar.advance(note=arm.key)
                continue
            try:
                fit = fit_arm(plan, arm, train, components)
                pipeline = arm.strategy.load(fit.folder, components)
            except KnowHowError as error:
                skipped[arm.key] = str(error)
            else:
                identity = digest_json([arm.digest, _digest_folder(fit.folder), arm.seed])
                # What never looks into the documents answers the same over any index.
                looks = arm.traits.retrieves or arm.traits.is_live
                store = AnswerStore(plan.cache / "answers", identity, plan.index_version if looks else "")
                runners.append(ArmRunner(arm, store, pipeline, identity, fit.folder.name, fit.seconds))
            bar.advance(note=arm.key)
    return runners, skipped


def _route(
    plan: ExperimentPlan,
    runners: list[ArmRunner],
    skipped: dict[str, str],
    train: Sequence[Example],
    asked: Sequence[Example],
    clusters: Mapping[str, str],
    components: SharedComponents,
) -> RoutingRecord | None:
    """Add the routing arm to the runners, or why there is none to the skipped ones."""
    for arm in plan.arms:
        if isinstance(arm.strategy, RoutingStrategy):
            try:
                runner, record = measure_routing(plan, arm, runners, train, asked, clusters, components)
            except KnowHowError as error:
                skipped[arm.key] = str(error)
            else:
                runners.append(runner)
                return record
    return None


def _digest_folder(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_json([[str(path.relative_to(folder)), digest_file(path)] for path in files])


def _ask_all(
    plan: ExperimentPlan,
    runners: Sequence[ArmRunner],
    held_out: Sequence[Example],
    clusters: Mapping[str, str],
    components: SharedComponents,
    budget: Budget,
    folder: Path,
) -> int:
    """Ask shard by shard through all arms; return how many questions were put to every arm that was not given up."""
    state = folder / "state.json"
    fixed = read_json(state)["planned"] if state.is_file() else None
    planned, done = (fixed or len(held_out)), 0
    scores = {runner.arm.key: dict[str, float]() for runner in runners}
    rivals = _rivals(plan, runners)
    with progress("Asking", planned * len(runners), "answers") as bar:
        while done < planned:
            shard = [held_out[place] for place in next_shard(done, planned, plan.shard)]
            for runner in runners:
                if not runner.lost_to:
                    _ask(runner, shard, components, bar)
                    _score(plan, runner, shard, scores[runner.arm.key])
            done += len(shard)
            lost = find_given_up(
                {key: scores[key] for key in rivals},
                held_out[:done],
                clusters,
                is_last_complete=done == len(held_out),
                alpha=plan.alpha,
                margin=plan.margin,
            )
            for runner in runners:
                runner.lost_to = runner.lost_to or lost.get(runner.arm.key, "")
            running = [runner for runner in runners if not runner.lost_to]
            if fixed is None and plan.budget_seconds is not None:
                paces = {runner.arm.key: runner.pace for runner in running}
                planned = plan_questions(len(held_out), done, paces, budget.left(for_answers=True))
            bar.total = bar.done + (planned - done) * len(running)
    if fixed is None:
        write_json(state, {"planned": done})
    return done


def _rivals(plan: ExperimentPlan, runners: Sequence[ArmRunner]) -> list[str]:
    """Return the arms that may be given up; none where the metric is not bounded by 0 and 1, or where an arm routes between them."""
    info = information(plan.decisive)
    if not plan.stops_early or has_routing(plan) or (info.low, info.high) != (0.0, 1.0):
        return []
    names = [runner.arm.name for runner in runners]
    return [
        runner.arm.key
        for runner in runners
        if _is_eligible(plan, runner.arm) and names.count(runner.arm.name) == 1
    ]


def _is_eligible(plan: ExperimentPlan, arm: Arm) -> bool:
    # An arm that the goal rules out anyway must not push out one that could be chosen.
    goal, traits = plan.goal, arm.traits
    return not (
        traits.is_diagnostic
        or (goal.citations and not traits.cites)
        or (goal.freshness and not traits.is_live)
        or (goal.permissions and traits.learns and not traits.retrieves)
    )


def _ask(runner: ArmRunner, shard: Sequence[Example], components: SharedComponents, bar: Progress) -> None:
    fresh = runner.missing(shard)
    if fresh:
        spared, started = components.saved_seconds, time.perf_counter()
        answers = answer_examples(runner.pipeline, fresh)
        seconds = time.perf_counter() - started
        runner.asked += len(fresh)
        runner.asked_seconds += seconds
        # A search that another arm had paid for belongs to this arm's cost all the same.
        share = (seconds + components.saved_seconds - spared) / len(fresh)
        runner.store.put(
            {
                runner.question(example): KeptAnswer(answer, share)
                for example, answer in zip(fresh, answers, strict=True)
            }
        )
    for example in shard:
        kept = runner.store.get(runner.question(example))
        assert kept is not None
        runner.answers[example.id] = kept.answer
        runner.answer_seconds += kept.seconds
    bar.advance(len(shard), runner.arm.key)


def _score(
    plan: ExperimentPlan, runner: ArmRunner, shard: Sequence[Example], scores: dict[str, float]
) -> None:
    metric = plan.metrics[plan.decisive]
    for example in shard:
        value = metric(example, runner.answers[example.id])
        if value is not None:
            scores[example.id] = value if information(plan.decisive).higher_is_better else 1 - value


def _time_singles(
    plan: ExperimentPlan,
    runners: Sequence[ArmRunner],
    asked: Sequence[Example],
    components: SharedComponents,
    budget: Budget,
    folder: Path,
) -> dict[str, tuple[float, ...]]:
    """Measure latency on as many questions as time allows, and remember how many, so that the same run is timed alike."""
    state = folder / "state.json"
    known = read_json(state)
    measured = [runner for runner in runners if not runner.arm.traits.is_diagnostic]
    # Without a budget, timing may take a fifth of what the answers took.
    has_budget = plan.budget_seconds is not None
    seconds = budget.left() if has_budget else LATENCY_TIME * sum(item.answer_seconds for item in measured)
    rounds = known.get("timed")
    timed = time_single_answers(
        measured,
        asked,
        components,
        calls=plan.latency_calls,
        fewest=_FEWEST_TIMED_IN_BUDGET if has_budget else _FEWEST_TIMED,
        seconds=seconds,
        rounds=rounds,
    )
    write_json(state, {**known, "timed": max(map(len, timed.values()), default=0)})
    return timed


def _record(
    plan: ExperimentPlan,
    identity: str,
    split: Split,
    asked: Sequence[Example],
    total: int,
    runners: Sequence[ArmRunner],
    skipped: Mapping[str, str],
    latencies: Mapping[str, tuple[float, ...]],
    budget: Budget,
) -> RunRecord:
    by_arm = {runner.arm.key: runner for runner in runners}
    arms = tuple(_arm_record(arm, by_arm.get(arm.key), skipped.get(arm.key, "")) for arm in plan.arms)
    return RunRecord(
        id=identity,
        decisive=plan.decisive,
        metrics=tuple(plan.metrics),
        examples=tuple(replace(example, split="held_out") for example in asked),
        split=split,
        arms=arms,
        answers={runner.arm.key: dict(runner.answers) for runner in runners},
        latencies_ms=latencies,
        planned=len(asked),
        total=total,
        alpha=plan.alpha,
        margin=plan.margin,
        resamples=plan.resamples,
        budget_seconds=plan.budget_seconds,
        goal=plan.goal,
        prices=plan.prices,
        settings=plan.settings,
        environment=plan.environment,
        index_version=plan.index_version,
        has_documents=plan.has_documents,
        uncovered=_uncovered(plan, asked),
        judge=plan.judge,
        volatile={
            "finished": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
            "seconds": round(budget.elapsed, 1),
            "asked": {runner.arm.key: runner.asked for runner in runners},
        },
    )


def _arm_record(arm: Arm, runner: ArmRunner | None, skipped: str) -> ArmRecord:
    traits = runner.arm.traits if runner else arm.traits
    base = ArmRecord(arm.key, arm.name, arm.seed, arm.digest, traits, arm.options, skipped=skipped)
    if runner is None:
        return base
    return replace(
        base,
        digest=runner.digest,
        fitted=runner.fitted,
        lost_to=runner.lost_to,
        fit_seconds=runner.fit_seconds,
        answer_seconds=runner.answer_seconds,
        answered=len(runner.answers),
    )


def _uncovered(plan: ExperimentPlan, asked: Sequence[Example]) -> tuple[str, ...] | None:
    """Return the answerable examples whose answer stands in no document; None when nobody can look."""
    answerable = [example for example in asked if example.is_answerable]
    if plan.find_documents is None or not answerable:
        return None
    return find_uncovered(answerable, plan.find_documents()).uncovered
