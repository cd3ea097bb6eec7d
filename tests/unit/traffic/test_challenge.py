"""A challenge on disk: what was kept is there after a crash, the plan stays, and the first ending counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowhow.errors import DataError
from knowhow.traffic.challenge import ChallengeLog, Pairing
from knowhow.traffic.trial import LOST, WON, Outcome, Plan

PAIRING = Pairing("a-1", "b-2", 3, 4)


def test_a_challenge_is_what_its_file_says(tmp_path: Path) -> None:
    log = ChallengeLog(tmp_path)
    opened = log.open(PAIRING, Plan("rating", 0.2))
    log.add(opened.id, [Outcome("u", "champion", "rating", 1.0), Outcome("v", "challenger", "rating", 0.0)])
    again = ChallengeLog(tmp_path).read(opened.id)
    assert [(item.unit, item.value) for item in again.outcomes] == [("u", 1.0), ("v", 0.0)]
    assert again.is_open
    assert again.outcomes[0].time


def test_the_plan_of_a_running_challenge_does_not_change(tmp_path: Path) -> None:
    log = ChallengeLog(tmp_path)
    log.open(PAIRING, Plan("rating", 0.2, alpha=0.05))
    assert log.open(PAIRING, Plan("task", 0.9, alpha=0.5)).plan == Plan("rating", 0.2, alpha=0.05)


def test_the_same_two_challenge_each_other_anew(tmp_path: Path) -> None:
    assert PAIRING.id != Pairing("a-1", "b-2", 3, 9).id


def test_a_torn_line_is_not_an_outcome(tmp_path: Path) -> None:
    log = ChallengeLog(tmp_path)
    opened = log.open(PAIRING, Plan("rating", 0.2))
    log.add(opened.id, [Outcome("u", "champion", "rating", 1.0)])
    with log.path(opened.id).open("ab") as file:
        file.write(b'{"kind":"outcome","val')
    assert len(log.read(opened.id).outcomes) == 1
    log.add(opened.id, [Outcome("v", "challenger", "rating", 0.0)])
    assert [item.unit for item in log.read(opened.id).outcomes] == ["u", "v"]


def test_the_first_ending_counts(tmp_path: Path) -> None:
    log = ChallengeLog(tmp_path)
    opened = log.open(PAIRING, Plan("rating", 0.2))
    log.close(opened.id, WON, "better")
    log.close(opened.id, LOST, "worse")
    ended = log.read(opened.id)
    assert (ended.state, ended.ending.reason if ended.ending else "") == (WON, "better")


def test_what_is_no_outcome_is_refused(tmp_path: Path) -> None:
    log = ChallengeLog(tmp_path)
    opened = log.open(PAIRING, Plan("rating", 0.2))
    with pytest.raises(ValueError, match="between 0 and 1"):
        log.add(opened.id, [Outcome("u", "champion", "rating", 1.5)])
    with log.path(opened.id).open("ab") as file:
        file.write(b'{"kind":"outcome","value":{"unit":1}}\n')
    with pytest.raises(DataError, match=r"\.jsonl:2"):
        log.read(opened.id)
