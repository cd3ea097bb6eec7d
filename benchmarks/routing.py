"""How well intents are recognised, and how well questions of no intent are: MiniLM with calibrated logistic regression.

    python benchmarks/routing.py                           # CLINC150 with out-of-scope questions, and Banking77
    python benchmarks/routing.py --rows 1500               # sampled intents, some seconds

In-scope accuracy counts a question that is sent to the fallback as wrong; 'of accepted' is the accuracy of those that are not.
Thresholds of the curve are on the calibrated probability; the row marked * is the one that training chose by itself, without any test
question. Needs the datasets at KNOWHOW_DATA (default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from knowhow import registry
from knowhow.routing.recogniser import Recogniser, learn_recogniser

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CLINC, BANKING = "routing_clinc150_oos_en", "routing_banking77_en"
FEW_SHOT_REFERENCE = 0.80
"""Accuracy of MiniLM with logistic regression on Banking77 as published (MTEB, 79.7 to 80.1), see the dataset's README."""
OUTSIDE = "out_of_scope"
_CURVE = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True)
class Point:
    """One threshold: what becomes of questions with an intent, and of those without."""

    threshold: float
    accuracy: float
    accepted: float
    accuracy_of_accepted: float
    outside_recall: float
    is_chosen: bool = False


@dataclass(frozen=True)
class Outcome:
    """One dataset: counts, the accuracy without any threshold, the curve and the milliseconds of a single decision."""

    name: str
    intents: int
    trained_on: int
    tested_on: int
    accuracy: float
    curve: tuple[Point, ...]
    area: float | None
    fit_seconds: float
    decide_ms: float

    def at_outside_recall(self, recall: float) -> Point:
        """Return the lowest threshold of the curve's full resolution that recognises this share of questions outside."""
        return next(point for point in self.curve if point.outside_recall >= recall)


def measure(name: str, rows_limit: int = 0, with_dev: bool = False) -> Outcome:
    """Train on the dataset's training rows and test on its test rows; `rows_limit` samples whole intents."""
    rows = _sample(_read(name), rows_limit)
    training = {"train", "dev"} if with_dev else {"train"}
    train = [row for row in rows if row["split"] in training]
    test = [row for row in rows if row["split"] == "test"]
    embedder = registry.build("embedder", "minilm")
    vectors, tested = (
        embedder.embed([row["text"] for row in part]).astype(np.float64) for part in (train, test)
    )
    started = time.perf_counter()
    recogniser = learn_recogniser(vectors, [_label(row) for row in train], outside=frozenset({OUTSIDE}))
    seconds = time.perf_counter() - started
    return _outcome(name, recogniser, len(train), test, tested, seconds, embedder)


def _outcome(
    name: str,
    recogniser: Recogniser,
    trained_on: int,
    test: list[Any],
    vectors: Any,
    seconds: float,
    embedder: Any,
) -> Outcome:
    assert recogniser.regression is not None
    shares = recogniser.regression.probabilities(vectors)
    inside = [place for place, label in enumerate(recogniser.intents) if label != OUTSIDE]
    best = np.array(inside)[shares[:, inside].argmax(axis=1)]
    confidence = shares[np.arange(len(test)), best]
    # What is nearest to the outside itself is refused at any threshold.
    confidence[~np.isin(shares.argmax(axis=1), inside)] = 0.0
    is_right = np.array(
        [recogniser.intents[place] == _label(row) for place, row in zip(best, test, strict=True)]
    )
    has_intent = np.array([row["in_scope"] for row in test])
    fine = np.unique(np.concatenate([np.quantile(confidence, np.linspace(0, 1, 401)), _CURVE]))
    chosen = Point(*_at(recogniser.threshold, confidence, is_right, has_intent), is_chosen=True)
    curve = [Point(*_at(float(limit), confidence, is_right, has_intent)) for limit in fine]
    started = time.perf_counter()
    for row in test[:50]:
        recogniser.recognise([row["text"]], embedder.embed([row["text"]]).astype(np.float64))
    decide_ms = (time.perf_counter() - started) * 1000 / len(test[:50])
    return Outcome(
        name,
        len(inside),
        trained_on,
        len(test),
        float(is_right[has_intent].mean()),
        tuple(sorted([*curve, chosen], key=lambda point: point.threshold)),
        _area(confidence, has_intent),
        seconds,
        decide_ms,
    )


def _at(
    limit: float, confidence: Any, is_right: Any, has_intent: Any
) -> tuple[float, float, float, float, float]:
    is_accepted = confidence >= max(limit, 1e-12)
    inside = is_accepted & has_intent
    outside = ~has_intent
    return (
        limit,
        float((is_right & is_accepted)[has_intent].mean()),
        float(is_accepted[has_intent].mean()),
        float(is_right[inside].mean()) if inside.any() else 0.0,
        float((~is_accepted)[outside].mean()) if outside.any() else 0.0,
    )


def _area(confidence: Any, has_intent: Any) -> float | None:
    """Return the area under the ROC curve of telling questions with an intent from those without; None without the latter."""
    if has_intent.all():
        return None
    from scipy.stats import mannwhitneyu

    inside, outside = confidence[has_intent], confidence[~has_intent]
    return float(mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))


def _read(name: str) -> list[Any]:
    with (DATA / name / "examples.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _label(row: Any) -> str:
    return str(row["label"]) if row["in_scope"] else OUTSIDE


def _sample(rows: list[Any], limit: int) -> list[Any]:
    """Return the rows of as many intents, in the order of their names, as come nearest to `limit`; outside rows in proportion."""
    if not limit or limit >= len(rows):
        return rows
    names = sorted({row["label"] for row in rows if row["in_scope"]})
    kept = set(names[: max(2, len(names) * limit // len(rows))])
    share = len(rows) // limit
    outside = [row for row in rows if not row["in_scope"]][::share]
    return [row for row in rows if row["in_scope"] and row["label"] in kept] + outside


def main() -> None:
    """Print the curve of CLINC150, and Banking77 beside its reference."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=0, help="sample whole intents, about this many rows")
    parser.add_argument("--with-dev", action="store_true", help="train on the dev rows of CLINC150 as well")
    arguments = parser.parse_args()
    for name in (CLINC, BANKING):
        found = measure(name, arguments.rows, arguments.with_dev)
        print(
            f"\n{name}: {found.intents} intents, {found.trained_on} rows to learn from (fit {found.fit_seconds:.0f} s), {found.tested_on} to "
            f"test; one decision {found.decide_ms:.1f} ms; accuracy without a threshold {found.accuracy:.4f}"
        )
        if found.area is None:
            print(f"  few-shot reference {FEW_SHOT_REFERENCE:.2f}")
            continue
        print(f"  area under the ROC curve, with an intent or without: {found.area:.4f}")
        print("  threshold  in-scope accuracy  accepted  accuracy of accepted  out-of-scope recall")
        shown = [point for point in found.curve if point.is_chosen or point.threshold in _CURVE]
        for point in [*shown, *(found.at_outside_recall(recall) for recall in (0.6, 0.7, 0.8, 0.9))]:
            print(
                f"  {point.threshold:9.3f}{'*' if point.is_chosen else ' '} {point.accuracy:17.4f} {point.accepted:9.4f} "
                f"{point.accuracy_of_accepted:21.4f} {point.outside_recall:20.4f}"
            )


if __name__ == "__main__":
    main()
