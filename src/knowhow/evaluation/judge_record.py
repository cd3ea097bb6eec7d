"""What a run keeps of its judge: who it was, how far it agreed with the labels, and whether it spoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from knowhow.types import Interval


@dataclass(frozen=True, slots=True)
class JudgeRecord:
    """What a comparison must say about its judge: who it is, how far it agrees with the labels, and whether it may speak.

    `kappa` is None where the judge could not be asked; `problem` says why it is silent, empty where it speaks.
    """

    identity: str
    labels: int = 0
    unreadable: int = 0
    kappa: Interval | None = None
    floor: float = 0.0
    problem: str = ""
    is_own_model: bool = False

    @property
    def is_speaking(self) -> bool:
        """Say whether its verdicts count."""
        return not self.problem

    @property
    def sentence(self) -> str:
        """The judge in one sentence, for the report."""
        if self.kappa is None:
            return f"The judge is silent: {self.problem}"
        agreement = f"kappa {self.kappa.value:.2f} [{self.kappa.low:.2f}, {self.kappa.high:.2f}] on your {self.labels} labels"
        if self.unreadable:
            agreement += f", {self.unreadable} verdicts unreadable"
        if self.problem:
            return f"The judge is silent ({agreement}): {self.problem}"
        own = " It judges answers of its own model, which flatters." if self.is_own_model else ""
        return f"Judged grounding comes from a language model that agrees with you: {agreement}, of which the lower end had to reach {self.floor:.2f}.{own}"


def record_from_json(value: Mapping[str, Any] | None) -> JudgeRecord | None:
    """Return a judge as a run keeps it; None where there was none."""
    if not value:
        return None
    kappa = value.get("kappa")
    return JudgeRecord(**{**value, "kappa": Interval(**kappa) if kappa else None})


def record_to_json(record: JudgeRecord | None) -> dict[str, Any] | None:
    """Return what `record_from_json` reads."""
    return asdict(record) if record else None
