"""Figures, drift and health of live answers, against hand-computed values."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from knowhow.errors import DataError
from knowhow.monitoring.drift import SKETCH_DIMENSIONS, find_drift, sketch
from knowhow.monitoring.health import Freshness, describe_health, summarise
from knowhow.monitoring.records import LiveAnswer, LiveStore
from knowhow.operation import MonitoringSettings


def test_rows_survive_and_old_days_go(tmp_path: Path) -> None:
    store = LiveStore(tmp_path, keep_days=3)
    now = time.time()
    old = LiveAnswer(now - 2 * 86_400, "r")
    new = LiveAnswer(now, "r", "champion", True, False, 1.5, 0.2, 3, 4, 0.7, 1.0, 0.5, 0.6, (0.1,) * 3)
    store.add([old])
    assert len(list(store.read())) == 1
    LiveStore(tmp_path, keep_days=1).add([new])
    assert list(store.read()) == [new]
    assert list(store.read(now + 1)) == []


def test_a_row_holds_no_text(tmp_path: Path) -> None:
    LiveStore(tmp_path, 3).add([LiveAnswer(time.time(), "r", sketch=(0.25,))])
    row = json.loads(next(tmp_path.glob("*.jsonl")).read_text())
    assert set(row) == {"time", "release", "sketch"}


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    store = LiveStore(tmp_path, 3)
    store.add([LiveAnswer(time.time(), "r")])
    with next(tmp_path.glob("*.jsonl")).open("a") as file:
        file.write('{"what": 1}\n')
    with pytest.raises(DataError, match=r"\.jsonl:2"):
        list(store.read())


def test_figures_by_hand() -> None:
    rows = [
        LiveAnswer(0, "a", seconds=1.0, grounding=0.5, relevance=1.0, format=1.0),
        LiveAnswer(0, "a", seconds=3.0, is_abstention=True),
        LiveAnswer(0, "a", seconds=2.0, is_error=True, format=0.0),
        LiveAnswer(0, "a", seconds=4.0, grounding=1.0, score=0.8),
    ]
    figures = summarise(rows)
    assert (figures.answers, figures.scored) == (4, 2)
    assert figures.error_rate == 0.25
    assert figures.abstention_rate == pytest.approx(1 / 3)
    assert figures.format_rate == 0.5
    assert figures.grounding == 0.75
    assert (figures.p50_seconds, figures.p99_seconds) == (2.0, 4.0)
    assert summarise([]).error_rate is None


def test_energy_distance_by_hand() -> None:
    # Two points against two: E|X-Y| = 1, E|X-X'| = E|Y-Y'| = 0, so the distance is 2 and its share of 2 E|X-Y| is 1.
    before, now = [0.0] * 20, [1.0] * 20
    drift = find_drift(before, now, alpha=0.01)
    assert drift is not None
    assert drift.distance == pytest.approx(1.0)
    assert drift.p_value == pytest.approx(1 / 500)
    assert drift.is_drifting


def test_drift_keeps_its_error_and_sees_every_kind_of_change() -> None:
    generator = np.random.default_rng(0)
    alarms = sum(
        find_drift(
            generator.normal(size=(60, 4)), generator.normal(size=(60, 4)), alpha=0.1, seed=n
        ).is_drifting  # type: ignore[union-attr]
        for n in range(60)
    )
    # Binomial with 10 % exceeds 14 of 60 once in a thousand.
    assert alarms <= 14
    wider = find_drift(generator.normal(size=(150, 4)), 2.5 * generator.normal(size=(150, 4)), alpha=0.01)
    assert wider is not None
    assert wider.is_drifting
    assert find_drift([0.0] * 5, [1.0] * 500, alpha=0.01) is None


def test_sketches_keep_distances_and_are_the_same_everywhere() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = sketch(vectors)
    assert points.shape == (40, SKETCH_DIMENSIONS)
    assert (points == sketch(vectors)).all()
    true = np.linalg.norm(vectors[:20] - vectors[20:], axis=1)
    seen = np.linalg.norm(points[:20] - points[20:], axis=1)
    assert np.mean(seen / true) == pytest.approx(1.0, abs=0.15)


def test_health_says_what_follows() -> None:
    generator = np.random.default_rng(3)
    old = [LiveAnswer(n, "a", score=0.8, sketch=tuple(generator.normal(size=3))) for n in range(60)]
    new = [LiveAnswer(60 + n, "b", score=0.2, sketch=tuple(3 + generator.normal(size=3))) for n in range(60)]
    examples = generator.normal(size=(50, 3)).tolist()
    settings = MonitoringSettings(window=50, stale_days=1.0)
    report = describe_health([*old, *new], examples, settings, Freshness(3, "x", 2.0, 4))
    assert [named.name for named in report.releases] == ["a", "b"]
    assert all(
        drift is not None and drift.is_drifting
        for drift in (report.from_examples, report.from_earlier, report.scores)
    )
    text = " ".join(report.warnings)
    assert "compare again" in text
    assert "relevance of what retrieval finds has changed" in text
    assert "ingested 2.0 days ago" in text
    assert "4 files" in text
    calm = describe_health(old, examples, MonitoringSettings(window=50), Freshness())
    assert calm.warnings == ()
