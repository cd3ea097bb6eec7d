"""What a metric says about itself: kind, unit, direction, range and how its values are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from knowhow.protocols import Metric
from knowhow.registry import build, check_options, find

Kind = Literal["quality", "form", "grounding", "retrieval", "abstention", "latency", "cost"]
Aggregate = Literal["mean", "p50", "p99"]
Part = TypeVar("Part", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """How to read a metric; `high` None means unbounded, an empty `unit` means a share of one.

    `is_binary` promises values 0 and 1 only, so that a comparison may use the exact McNemar test.
    """

    kind: Kind = "quality"
    unit: str = ""
    higher_is_better: bool = True
    low: float = 0.0
    high: float | None = 1.0
    aggregate: Aggregate = "mean"
    is_binary: bool = False
    summary: str = ""


_known: dict[tuple[str, str], MetricInfo] = {}
_by_hand: dict[str, MetricInfo] = {}


def describe(info: MetricInfo) -> Callable[[Part], Part]:
    """Attach `info` to the decorated metric; a metric without it is read as a share of one, higher is better."""

    def keep(part: Part) -> Part:
        _known[part.__module__, part.__qualname__] = info
        return part

    return keep


def announce(name: str, info: MetricInfo) -> None:
    """Make a metric known that is built by hand, because it needs more than options (a judge, a model)."""
    _by_hand[name] = info


def information(name: str) -> MetricInfo:
    """Return what the metric `name` says about itself; NotFoundError lists the known names."""
    if name in _by_hand:
        return _by_hand[name]
    part = find("metric", name)
    return _known.get((part.__module__, part.__qualname__), MetricInfo())


def aggregate(values: Sequence[float | None], how: Aggregate = "mean") -> float | None:
    """Return mean, median or 99th percentile (the smallest value that at least 99 % do not exceed); None without any value."""
    import numpy as np

    scored = [value for value in values if value is not None]
    if not scored:
        return None
    if how == "mean":
        return float(np.mean(scored))
    return float(np.quantile(scored, 0.5 if how == "p50" else 0.99, method="inverted_cdf"))


def build_metric(name: str, options: Mapping[str, Any] | None = None) -> Metric:
    """Return the metric `name` ready to call; options are the fields of a dataclass metric, a function takes none."""
    part = find("metric", name)
    if isinstance(part, type):
        metric: Metric = build("metric", name, options)
        return metric
    check_options(part, options or {}, f"[metric.{name}]")
    return part


def accepted_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those `options` that the metric `name` has a field for, so that shared settings reach whoever asks for them."""
    fields = getattr(find("metric", name), "__dataclass_fields__", {})
    return {key: value for key, value in options.items() if key in fields}
