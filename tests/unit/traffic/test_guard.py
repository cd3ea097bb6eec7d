"""Guard rails: how soon they notice, how rarely they are wrong, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

from knowhow.operation import GuardSettings
from knowhow.traffic.guard import Breach, Detector, Guard, LiveFigures


def first_alarm(values: list[float], limit: float, every: int = 10_000) -> int:
    detector = Detector(limit, every)
    return next((place for place, value in enumerate(values, start=1) if detector.observe(value)), 0)


def test_one_step_by_hand() -> None:
    detector = Detector(0.2, 10_000)
    detector.observe(1.0)
    stakes = np.geomspace(0.02, 0.95, 24) / 0.2
    assert detector.statistic == pytest.approx((1 + stakes * 0.8).mean())
    detector.observe(0.0)
    assert detector.statistic == pytest.approx(((1 + stakes * 0.8 + 1) * (1 - stakes * 0.2)).mean())


def test_the_sum_grows_by_one_on_average_at_the_limit() -> None:
    generator = np.random.default_rng(0)
    ends = []
    for _ in range(4000):
        detector = Detector(0.3, 10**9)
        for value in generator.random(8) < 0.3:
            detector.observe(float(value))
        ends.append(detector.statistic)
    assert np.mean(ends) == pytest.approx(8, rel=0.1)


def test_a_broken_release_is_noticed_within_a_dozen_answers() -> None:
    assert 0 < first_alarm([1.0] * 50, 0.2) <= 12


def test_a_change_is_noticed_however_long_all_was_well() -> None:
    generator = np.random.default_rng(1)
    well = (generator.random(5000) < 0.05).astype(float).tolist()
    assert first_alarm(well, 0.2) == 0
    ill = (generator.random(200) < 0.6).astype(float).tolist()
    assert 5000 < first_alarm([*well, *ill], 0.2) <= 5060


def test_false_alarms_are_rare_at_the_limit_itself() -> None:
    generator = np.random.default_rng(2)
    tripped = sum(
        first_alarm((generator.random(500) < 0.2).astype(float).tolist(), 0.2) > 0 for _ in range(100)
    )
    # At most 500 / 10,000 of the runs on average.
    assert tripped <= 14


@pytest.mark.parametrize(
    ("options", "figures", "rail", "says"),
    [
        ({}, LiveFigures(True, 1.0), "error_rate", "100% of the last"),
        ({"error_rate": None, "format_rate": 0.9}, LiveFigures(False, 1.0, format=0.0), "format_rate", "0% of the last"),
        ({"grounding": 0.5}, LiveFigures(False, 1.0, grounding=0.1), "grounding", "is 0.10; the limit is 0.50"),
        ({"p99_seconds": 2.0}, LiveFigures(False, 3.0), "p99_seconds", "took longer than 2 s"),
    ],
)  # fmt: skip
def test_each_rail(options: dict[str, float | None], figures: LiveFigures, rail: str, says: str) -> None:
    guard = Guard(GuardSettings(**options))
    breach: Breach | None = None
    for _ in range(60):
        breach = breach or guard.observe(figures)
    assert breach is not None
    assert breach.rail == rail
    assert says in breach.reason


def test_what_is_within_the_limits_or_unknown_never_trips() -> None:
    guard = Guard(GuardSettings(format_rate=0.9, grounding=0.4, p99_seconds=5.0))
    assert all(guard.observe(LiveFigures(False, 1.0, None, None)) is None for _ in range(2000))
    assert all(guard.observe(LiveFigures(False, 1.0, 1.0, 0.7)) is None for _ in range(2000))
