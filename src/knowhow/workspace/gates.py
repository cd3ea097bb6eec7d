"""The gates of a comparison: what training may have broken, checked with the parts that trained and answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowhow.config import Settings
from knowhow.errors import ConfigError, KnowHowError, suggest
from knowhow.evaluation.metrics.information import MetricInfo, information
from knowhow.evaluation.runs import ArmRecord, RunRecord
from knowhow.progress import progress
from knowhow.protocols import Components, Metric
from knowhow.storage import digest_json, read_json, read_lines, write_json
from knowhow.training.encoder import PAIRS
from knowhow.training.fitting import ADAPTER, ROWS
from knowhow.training.gates import (
    LINT,
    REQUIRED,
    SKILL,
    find_distant,
    find_leaks,
    gate_leaks,
    gate_lint,
    gate_refusals,
    gate_skills,
    gate_slice,
    measure_skills,
    read_skills,
    refusal_rate,
)
from knowhow.training.rows import TrainingRow, read_rows
from knowhow.types import Answer, Example, Gate, Message, Role

OVERRULE = "overrule"
"""The one key of [training] that is about judging, not about training."""


def training_options(settings: Settings) -> dict[str, Any]:
    """Return [training] as the trainer takes it."""
    return {key: value for key, value in settings.training.items() if key != OVERRULE}


def overruled_gates(settings: Settings) -> tuple[str, ...]:
    """Return the gates that [training] overrule names; ConfigError for a name that is no gate."""
    names = settings.training.get(OVERRULE, ())
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'[training] overrule must be a list of gates, such as ["{LINT}"], not {names!r}.')
    for name in names:
        gate, _, kind = name.partition(".")
        if gate not in REQUIRED or (kind and gate != LINT):
            raise ConfigError(f"[training] overrule names no gate: '{name}'. {suggest(name, REQUIRED)}")
    return tuple(names)


@dataclass(frozen=True)
class GateMeasurer:
    """Checks every trained strategy of a finished run; `lint` returns the kinds of errors in the examples."""

    settings: Settings
    components: Components
    examples: Sequence[Example]
    metric: Metric
    lint: Callable[[], Sequence[str]]

    def __call__(self, record: RunRecord) -> dict[str, tuple[Gate, ...]]:
        """Return the gates by strategy; empty where nothing was trained."""
        arms: dict[str, list[ArmRecord]] = {}
        for arm in record.arms:
            if arm.traits.learns and not arm.skipped and arm.answered:
                arms.setdefault(arm.name, []).append(arm)
        if not arms:
            return {}
        by_id = {example.id: example for example in self.examples}
        training = [by_id[name] for name in record.split.train if name in by_id]
        held_out = [by_id[name] for name in record.split.held_out if name in by_id]
        lint = gate_lint(self.lint(), overruled_gates(self.settings))
        distant = find_distant(record.examples, training, self.components.embedder())
        found: dict[str, tuple[Gate, ...]] = {}
        with progress("Checking gates", len(arms), "strategies") as bar:
            for name, seeds in arms.items():
                leaks = [
                    leak
                    for arm in seeds
                    for leak in find_leaks(self._rows(arm, training), training, held_out)
                ]
                unique = list({leak.held_out: leak for leak in leaks}.values())
                found[name] = (
                    lint,
                    self._gate_skills(seeds),
                    self._gate_slice(record, seeds, distant),
                    gate_leaks(unique),
                    self._gate_refusals(record, seeds),
                )
                bar.advance(note=name)
        return found

    def _rows(self, arm: ArmRecord, training: Sequence[Example]) -> list[TrainingRow]:
        """What the arm was trained on: rows and retriever pairs, also of strategies inside it; else every training example."""
        fitted = self.settings.state / "cache" / "fitted" / arm.fitted
        rows = [row for path in sorted(fitted.rglob(ROWS)) for row in read_rows(path)]
        for path in sorted(fitted.rglob(PAIRS)):
            rows += [
                TrainingRow(
                    "pair", (Message(Role.USER, pair["query"]),), tuple(pair["metadata"].get("examples", ()))
                )
                for pair in read_lines(path)
            ]
        return rows or [TrainingRow("example", (), (example.id,)) for example in training]

    def _gate_skills(self, seeds: Sequence[ArmRecord]) -> Gate:
        lost = next((arm.lost_to for arm in seeds if arm.lost_to), "")
        if lost:
            reason = f"Not measured, because it was given up early as worse than {lost}."
            return Gate(SKILL, False, reason)
        cache = self.settings.state / "cache" / "fitted"
        adapters = [
            found for arm in seeds for found in sorted((cache / arm.fitted).rglob(ADAPTER)) if found.is_dir()
        ]
        if not adapters:
            return Gate(SKILL, True, "It leaves the model as it is.")
        try:
            before = self._measure_skills(None)
            # The weakest seed counts, because any of them may be released.
            return gate_skills(before, min(self._measure_skills(adapter) for adapter in adapters))
        except KnowHowError as error:
            return Gate(SKILL, False, f"Not measured: {error}", "Run knowhow compare again.")

    def _measure_skills(self, adapter: Path | None) -> float:
        """Measured once per model and adapter; the share is kept in the cache."""
        skills = read_skills()
        generator = self.components.generator(adapter)
        asked = [[skill.question, list(skill.accepted)] for skill in skills]
        key = digest_json([generator.identity, asked])[:32]
        path = self.settings.state / "cache" / "skills" / f"{key}.json"
        if not path.is_file():
            write_json(path, {"share": measure_skills(generator, skills)})
        return float(read_json(path)["share"])

    def _gate_slice(self, record: RunRecord, seeds: Sequence[ArmRecord], distant: Sequence[str]) -> Gate:
        plain = _counterpart(record, seeds[0], self._means)
        before = self._means(record, [plain]) if plain else {}
        return gate_slice(distant, before, self._means(record, seeds))

    def _gate_refusals(self, record: RunRecord, seeds: Sequence[ArmRecord]) -> Gate:
        plain = _counterpart(record, seeds[0], self._means)
        asked = [example for example in self.examples if example.id in record.answers[seeds[0].key]]
        rates = [refusal_rate(asked, record.answers[arm.key]) for arm in seeds]
        known = [rate for rate in rates if rate is not None]
        before = refusal_rate(asked, record.answers[plain.key]) if plain else None
        return gate_refusals(before, sum(known) / len(known) if known else None)

    def _means(self, record: RunRecord, arms: Sequence[ArmRecord]) -> dict[str, float]:
        """Return the decisive score of each question, averaged over seeds, with 1 as the best."""
        info = information(record.decisive)
        found: dict[str, list[float]] = {}
        for arm in arms:
            for example in record.examples:
                answer: Answer | None = record.answers[arm.key].get(example.id)
                value = self.metric(example, answer) if answer is not None else None
                if value is not None:
                    found.setdefault(example.id, []).append(_normalise(value, info))
        return {name: sum(values) / len(values) for name, values in found.items()}


def _counterpart(
    record: RunRecord,
    arm: ArmRecord,
    means: Callable[[RunRecord, Sequence[ArmRecord]], Mapping[str, float]],
) -> ArmRecord | None:
    """Return the untrained arm that a trained one is held against: the same way of answering, else the best one measured."""
    untrained = [
        other
        for other in record.arms
        if not other.traits.learns and not other.traits.is_diagnostic and not other.skipped and other.answered
    ]
    same = "rag" if arm.traits.retrieves else "base"
    named = next((other for other in untrained if other.name == same), None)

    def mean(other: ArmRecord) -> float:
        scores = means(record, [other])
        return sum(scores.values()) / len(scores) if scores else 0.0

    return named or max(untrained, key=mean, default=None)


def _normalise(value: float, info: MetricInfo) -> float:
    share = (value - info.low) / (info.high - info.low) if info.high is not None else value
    if info.higher_is_better:
        return share
    return 1 - share if info.high is not None else -share
