"""The report as JSON values."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from knowhow.evaluation.results import Report


def report_to_json(report: Report) -> dict[str, Any]:
    """Return everything but answers and scores (they stand beside it); only `volatile` differs between equal runs."""
    record = report.record
    value = {
        "id": report.id,
        "decisive": report.decisive,
        "recommendation": asdict(report.recommendation),
        "strategies": [asdict(item) for item in report.strategies],
        "comparisons": [asdict(item) for item in report.comparisons],
        "diagnosis": asdict(report.diagnosis),
        "questions": report.questions,
        "questions_available": record.total,
        "clusters": report.clusters,
        "detectable_before": report.detectable_before,
        "detectable": report.detectable,
        "cost_unit": report.cost_unit,
        "limits": list(report.limits),
        "split": {
            "digest": record.split.digest,
            "by": record.split.by,
            "train": len(record.split.train),
            "held_out": len(record.split.held_out),
        },
        "prior": asdict(report.prior) if report.prior else None,
        "gates": {name: [asdict(gate) for gate in gates] for name, gates in report.gates.items()},
        "routing": asdict(report.routing) if report.routing else None,
        "judge": asdict(record.judge) if record.judge else None,
        "goal": asdict(record.goal),
        "prices": asdict(record.prices),
        "settings": dict(record.settings),
        "environment": dict(record.environment),
        "index_version": record.index_version,
        "arms": {arm.key: {"digest": arm.digest, "seed": arm.seed} for arm in record.arms},
        "volatile": dict(record.volatile),
    }
    plain: dict[str, Any] = _finite(value)
    return plain


def _finite(value: Any) -> Any:
    """Turn infinities, which JSON does not know, into null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
