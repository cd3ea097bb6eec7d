"""Cron times against values worked out by hand."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.errors import ConfigError
from knowhow.workspace.cron import parse_cron

# 2026-11-21 is a Saturday.
MOMENT = datetime(2026, 11, 21, 14, 30, 45)


@pytest.mark.parametrize(
    ("text", "latest", "following"),
    [
        ("30 3 * * *", "2026-11-21T03:30", "2026-11-22T03:30"),
        ("30 14 * * *", "2026-11-21T14:30", "2026-11-22T14:30"),
        ("31 14 * * *", "2026-11-20T14:31", "2026-11-21T14:31"),
        ("*/20 * * * *", "2026-11-21T14:20", "2026-11-21T14:40"),
        ("5-10/2 * * * *", "2026-11-21T14:09", "2026-11-21T15:05"),
        ("0 9 * * mon-fri", "2026-11-20T09:00", "2026-11-23T09:00"),
        ("0 9 * * 7", "2026-11-15T09:00", "2026-11-22T09:00"),
        ("0 0 29 2 *", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("0 0 31 * *", "2026-10-31T00:00", "2026-12-31T00:00"),
        ("0 0 1,15 * fri", "2026-11-20T00:00", "2026-11-27T00:00"),
        ("15 22 * jan,jun *", "2026-06-30T22:15", "2027-01-01T22:15"),
        ("@daily", "2026-11-21T00:00", "2026-11-22T00:00"),
    ],
)
def test_latest_and_following(text: str, latest: str, following: str) -> None:
    cron = parse_cron(text)
    assert cron.latest(MOMENT) == datetime.fromisoformat(latest)
    assert cron.following(MOMENT) == datetime.fromisoformat(following)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "1 2 3 4 5 6", "* * * foo *", "² * * * *"]
)  # fmt: skip
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="schedule"):
        parse_cron(text)


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(ConfigError, match="never comes"):
        parse_cron("0 0 30 2 *").following(MOMENT)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["*", "1", "*/10", "28-31"]),
    st.sampled_from(["*", "1-5", "0"]),
)
def test_the_following_of_the_latest_lies_ahead(moment: datetime, minute: int, hour: int, day: str, weekday: str) -> None:  # fmt: skip
    cron = parse_cron(f"{minute} {hour} {day} * {weekday}")
    latest, following = cron.latest(moment), cron.following(moment)
    assert latest <= moment < following
    assert cron.following(latest) == following
    assert cron.latest(following) == following
