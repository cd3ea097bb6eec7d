"""Gates that a continuous-integration job may ask for: a floor under a metric, and a verdict that the data can decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowhow.errors import ConfigError, NotFoundError, PolicyError, UndecidedError
from knowhow.evaluation.results import Report


def parse_floors(texts: Sequence[str]) -> dict[str, float]:
    """Read floors such as `token_f1=0.6`; ConfigError when one is malformed."""
    floors = {}
    for text in texts:
        name, sign, value = text.partition("=")
        try:
            floors[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            raise ConfigError(f"--fail-under takes METRIC=VALUE, such as token_f1=0.6, not {text!r}.")
    return floors


def check_gates(
    report: Report, *, floors: Mapping[str, float] | None = None, must_decide: bool = False
) -> None:
    """Raise PolicyError when the recommended (or else the best) strategy stays under a floor, UndecidedError without a verdict."""
    advice = report.recommendation
    if must_decide and not advice.is_decided:
        raise UndecidedError(advice.headline)
    name = advice.strategy if advice.is_decided else _best(report)
    for metric, floor in (floors or {}).items():
        found = report.strategy(name).metrics
        if metric not in found:
            raise NotFoundError.unknown("metric of this comparison", metric, found)
        value = found[metric].interval.value
        is_met = value >= floor if found[metric].higher_is_better else value <= floor
        if not is_met:
            raise PolicyError(
                f"{name} reaches {metric} {value:.3f}, but --fail-under asks for {floor:g}. Improve it, or lower the gate."
            )


def _best(report: Report) -> str:
    measured = [item.name for item in report.strategies if item.is_measured and not item.traits.is_diagnostic]
    if not measured:
        raise UndecidedError(report.recommendation.headline)

    def value(name: str) -> float:
        quality = report.quality(name)
        return quality.value if quality else float("-inf")

    return max(measured, key=value)
