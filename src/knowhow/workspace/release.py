"""Releases of a workspace: frozen from a comparison, loaded with their behaviour pinned and the documents live."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import knowhow
from knowhow import registry
from knowhow.config import Settings, describe_settings, parse_settings, read_format
from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import ArmRecord, find_run, load_run
from knowhow.protocols import Embedder, Generator, Index, Pipeline, Strategy, TextSink
from knowhow.registry import check_options
from knowhow.releases.catalog import Catalog
from knowhow.releases.events import CHAMPION, CREATED, Event
from knowhow.releases.release import Proof, Release
from knowhow.strategies.audience import read_audiences
from knowhow.training.rows import plain_groups
from knowhow.types import Answer, Format, Gate, Query
from knowhow.workspace.audit import RELEASED, AuditLog
from knowhow.workspace.components import WorkspaceComponents
from knowhow.workspace.doctor import contactable_hosts
from knowhow.workspace.experiments import reopen_report
from knowhow.workspace.memory import memory_gates
from knowhow.workspace.personal_data import mask_pipeline
from knowhow.workspace.screening import screen_fitted

PINNED = ("language", "generator", "retrieval", "prompt", "format")
"""Sections of knowhow.toml that are behaviour; all others describe knowledge, which stays live, or measuring."""
_PARTS = ("embedder", "index", "generator")


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """Who wants which arm of which run released and why; `override` is the reason to go against the comparison."""

    run: str
    strategy: str
    reason: str
    by: str = ""
    override: str = ""


@dataclass(frozen=True)
class ReleasedPipeline:
    """A release that answers: every answer carries its id."""

    release: Release
    inner: Pipeline
    components: ReleasedComponents

    def answer(self, queries: Sequence[Query], on_text: TextSink | None = None) -> list[Answer]:
        """See Pipeline."""
        return [replace(answer, release=self.release.id) for answer in self.inner.answer(queries, on_text)]

    def close(self) -> None:
        """Release the models that only this release uses."""
        self.components.close()


class ReleasedComponents(WorkspaceComponents):
    """The parts of a release: its own generator, form and prompt over the workspace's own index and embedder."""

    def __init__(self, settings: Settings, release: Release, shared: WorkspaceComponents) -> None:
        super().__init__(settings)
        self._release, self._shared = release, shared
        self.__dict__["format"] = Format(**check_options(Format, release.form, release.id))

    @property
    def index(self) -> Index:
        """The live index of the workspace."""
        return self._shared.index

    def embedder(self, encoder: Path | None = None) -> Embedder:
        """The workspace's embedder, or the tuned encoder of the release."""
        return self._shared.embedder() if encoder is None else super().embedder(encoder)

    def generator(self, adapter: Path | None = None) -> Generator:
        """The pinned generator, shared with the workspace where it is the same one."""
        if adapter is None and self.settings.generator == self._shared.settings.generator:
            return self._shared.generator()
        return super().generator(adapter)

    def close(self) -> None:
        """Release the models that only this release uses."""
        for generator in self._generators.values():
            generator.close()
        self._generators.clear()


def create_release(settings: Settings, order: ReleaseOrder) -> Release:
    """Freeze an arm of a finished run; PolicyError for a diagnostic arm, or for one that was not recommended without `override`."""
    run = find_run(settings.state / "runs", order.run)
    record = load_run(run)
    pinned = restore_settings(record.settings, settings.root)
    arm = _find_arm(record.arms, order.strategy)
    report, _ = reopen_report(pinned, record.id)
    proof = _prove(report, arm)
    memory = memory_gates(settings, arm.fitted) if arm.traits.learns else ()
    override = _check_gates(proof, arm, (*report.gates.get(arm.name, ()), *memory), order.override)
    fitted = settings.state / "cache" / "fitted" / arm.fitted
    if not arm.fitted or not fitted.is_dir():
        raise NotFoundError(
            f"What {arm.key} learned in run {record.id} is no longer in the cache. Run knowhow compare again: kept answers are not asked twice."
        )
    environment = record.environment
    draft = Release(
        id="",
        strategy=arm.name,
        seed=arm.seed,
        options=dict(arm.options),
        settings={key: value for key, value in describe_settings(pinned).items() if key in PINNED},
        form=_plain_format(read_format(pinned)),
        base_model=environment["generator"],
        embedder=environment["embedder"],
        files=(),
        proof=proof,
        trained_on=record.split.digest,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        created_by=order.by or current_person(),
        reason=order.reason,
        override=override,
        software=knowhow.__version__,
        learns=arm.traits.learns,
        audiences=tuple(tuple(names) for names in plain_groups(read_audiences(fitted))),
    )
    return catalog(settings).create(draft, fitted)


def load_release(shared: WorkspaceComponents, release: Release) -> ReleasedPipeline:
    """Return the pipeline of a release, its files, base model and embedder checked by digest; DataError or PolicyError when one differs."""
    fitted, pinned = _check_release(shared, release)
    components = ReleasedComponents(pinned, release, shared)
    strategy: Strategy = registry.build(
        "strategy", release.strategy, _with_seed(release), section=f"release {release.id}"
    )
    pipeline = mask_pipeline(shared.settings, strategy.load(fitted, components))
    return ReleasedPipeline(release, pipeline, components)


def promote_release(
    shared: WorkspaceComponents, name: str, *, by: str, reason: str, alias: str = CHAMPION
) -> Event:
    """Point an alias at a release that could answer here and now; DataError or PolicyError when it could not."""
    releases = catalog(shared.settings)
    release = releases.get(name)
    _check_release(shared, release)
    return releases.promote(release.id, by=by, reason=reason, alias=alias)


def _check_release(shared: WorkspaceComponents, release: Release) -> tuple[Path, Settings]:
    """Return the fitted folder and the pinned settings of a release that was proved with what is here now."""
    fitted = catalog(shared.settings).fitted(release)
    if shared.embedder().identity != release.embedder:
        raise DataError(
            f"{release.id} was proved with another embedder than the index has now.",
            mend="Configure the embedder it was proved with, or compare again and release anew.",
        )
    return fitted, _pinned_settings(shared, release)


def catalog(settings: Settings) -> Catalog:
    """The catalog of a workspace."""
    found = Catalog(settings.state / "releases", screen_fitted(settings.root))
    log = AuditLog(settings)
    found.notify = lambda event: log.record(
        RELEASED if event.kind == CREATED else event.kind,
        event.release,
        by=event.by,
        alias=event.alias,
        instead_of=event.previous,
        reason=event.reason,
        override=event.override,
        log_line=event.number,
    )
    return found


def current_person() -> str:
    """The name that this machine knows the present user by."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def restore_settings(values: Mapping[str, Any], root: Path) -> Settings:
    """Return the Settings that `describe_settings` described, for the workspace at `root`."""
    plain = {
        key: {"name": value["name"], **value["options"]} if key in _PARTS else value
        for key, value in values.items()
    }
    return parse_settings(plain, root, "the configuration of the run")


def _pinned_settings(shared: WorkspaceComponents, release: Release) -> Settings:
    pinned = restore_settings(
        {**describe_settings(shared.settings), **{key: release.settings[key] for key in PINNED}},
        shared.settings.root,
    )
    # The same weights may lie elsewhere on this machine: where the workspace's own generator is the proved one, it answers.
    if shared.generator().identity == release.base_model:
        return replace(pinned, generator=shared.settings.generator)
    known = set(contactable_hosts(shared.settings))
    foreign = [host for host in contactable_hosts(pinned) if host not in known]
    if foreign:
        raise PolicyError(
            f"{release.id} would contact {', '.join(foreign)}, which knowhow.toml does not name. Configure that generator there first."
        )
    own = WorkspaceComponents(pinned)
    try:
        if own.generator().identity != release.base_model:
            raise DataError(
                f"{release.id} was proved with another base model than is here now.",
                mend="Configure the model it was proved with, or compare again and release anew.",
            )
    finally:
        own.close()
    return pinned


def _with_seed(release: Release) -> dict[str, Any]:
    return {**release.options, **({"seed": release.seed} if release.seed else {})}


def _find_arm(arms: Sequence[ArmRecord], name: str) -> ArmRecord:
    by_key = {arm.key: arm for arm in arms}
    if name not in by_key:
        raise NotFoundError.unknown("strategy of this run", name, by_key)
    arm = by_key[name]
    if arm.traits.is_diagnostic:
        raise PolicyError(
            f"{arm.name} reads the gold evidence of the examples: it is a diagnosis, cannot answer new questions and is never released."
        )
    if arm.skipped:
        raise PolicyError(f"{arm.key} was not measured, so nothing proves it: {arm.skipped}")
    return arm


def _prove(report: Report, arm: ArmRecord) -> Proof:
    quality = report.quality(arm.name)
    if quality is None:
        raise PolicyError(f"{arm.key} has no score on {report.decisive}, so nothing proves it.")
    advice = report.recommendation
    return Proof(
        run=report.id,
        metric=report.decisive,
        value=quality.value,
        low=quality.low,
        high=quality.high,
        questions=report.questions,
        recommended=advice.strategy,
        is_decided=advice.is_decided,
        headline=advice.headline,
        index_version=report.record.index_version,
    )


def _check_gates(proof: Proof, arm: ArmRecord, gates: Sequence[Gate], override: str) -> str:
    """Return the override that stays in the log; empty where none was needed."""
    closed = [gate for gate in gates if not gate.is_open]
    is_recommended = proof.is_decided and proof.recommended == arm.name
    if is_recommended and not closed:
        return ""
    if override.strip():
        return override.strip()
    why = (
        f"run {proof.run} recommends {proof.recommended}"
        if proof.is_decided
        else f"run {proof.run} could not decide"
    )
    if closed:
        why += f", and what it learned does not pass {', '.join(gate.name for gate in closed)}"
        why += "".join(f". {gate.reason} {gate.mend}".rstrip(".") for gate in closed)
    raise PolicyError(
        f'{arm.name} may not be released like that: {why} ({proof.headline}) To do it all the same, give --override "reason"; it stays in the log.'
    )


def _plain_format(form: Format) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(form).items()}
