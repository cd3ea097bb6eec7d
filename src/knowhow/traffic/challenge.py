"""One challenge on disk: its plan, every outcome and how it ended, in one append-only file; everything else is folded from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knowhow.errors import ConfigError, DataError
from knowhow.registry import check_options
from knowhow.storage import append_lines, digest_json, read_lines
from knowhow.traffic.trial import RUNNING, Outcome, Plan, Result, judge

_OPENED, _OUTCOME, _CLOSED = "opened", "outcome", "closed"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who challenges whom; the numbers of the events that put them there tell one challenge of the same two from the next."""

    champion: str
    challenger: str
    champion_event: int
    challenger_event: int

    @property
    def id(self) -> str:
        """Sixteen digits that name the challenge."""
        return digest_json(asdict(self))[:16]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a challenge ended: its state, why, and when."""

    state: str
    reason: str
    time: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge as far as its file tells."""

    id: str
    pairing: Pairing
    plan: Plan
    opened: str
    outcomes: tuple[Outcome, ...] = ()
    ending: Ending | None = None

    @property
    def is_open(self) -> bool:
        """Say whether conversations are still given to the challenger."""
        return self.ending is None

    def judge(self, *, has_interval: bool = True) -> Result:
        """What the outcomes show."""
        return judge(self.plan, self.outcomes, has_interval=has_interval)

    @property
    def state(self) -> str:
        """The state it ended with, or that of its outcomes."""
        return self.ending.state if self.ending else RUNNING


class ChallengeLog:
    """The challenges under one folder, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def path(self, challenge: str) -> Path:
        """Where a challenge is kept."""
        return self.folder / f"{challenge}.jsonl"

    def open(self, pairing: Pairing, plan: Plan) -> Challenge:
        """Begin a challenge with a plan; one that exists goes on with the plan that it began with."""
        with self._lock:
            if not self.path(pairing.id).exists():
                value = {"pairing": asdict(pairing), "plan": asdict(plan), "opened": now()}
                self._append(pairing.id, [(_OPENED, value)])
        return self.read(pairing.id)

    def add(self, challenge: str, outcomes: Iterable[Outcome]) -> None:
        """Keep outcomes durably in the order in which they came; ValueError for a value outside [0, 1]."""
        rows = []
        for outcome in outcomes:
            if not 0.0 <= outcome.value <= 1.0:
                raise ValueError(f"An outcome lies between 0 and 1, not {outcome.value}.")
            rows.append((_OUTCOME, {**asdict(outcome), "time": outcome.time or now()}))
        with self._lock:
            self._append(challenge, rows)

    def close(self, challenge: str, state: str, reason: str) -> None:
        """End a challenge; the first ending counts."""
        with self._lock:
            self._append(challenge, [(_CLOSED, asdict(Ending(state, reason, now())))])

    def read(self, challenge: str) -> Challenge:
        """Return a challenge; DataError with the line when the file was damaged."""
        path = self.path(challenge)
        found: Challenge | None = None
        outcomes: list[Outcome] = []
        ending: Ending | None = None
        for number, row in enumerate(read_lines(path), start=1):
            try:
                kind, value = row["kind"], row["value"]
                if kind == _OPENED:
                    found = found or _read_opening(challenge, value)
                elif kind == _OUTCOME:
                    outcomes.append(Outcome(**check_options(Outcome, value, "outcome")))
                else:
                    ending = ending or Ending(**check_options(Ending, value, "ending"))
            except (ConfigError, KeyError, TypeError) as error:
                raise DataError(f"is not a line of a challenge ({error}).", source=str(path), line=number) from error  # fmt: skip
        if found is None:
            raise DataError("tells of no challenge.", source=str(path), mend="Delete the file.")
        return Challenge(found.id, found.pairing, found.plan, found.opened, tuple(outcomes), ending)

    def all(self) -> Iterator[Challenge]:
        """Yield every challenge, oldest first."""
        found = [self.read(path.stem) for path in self.folder.glob("*.jsonl")]
        yield from sorted(found, key=lambda challenge: (challenge.opened, challenge.id))

    def _append(self, challenge: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        append_lines(self.path(challenge), [{"kind": kind, "value": value} for kind, value in rows])


def _read_opening(challenge: str, value: Mapping[str, Any]) -> Challenge:
    pairing = Pairing(**check_options(Pairing, value["pairing"], "pairing"))
    plan = Plan(**check_options(Plan, value["plan"], "plan"))
    return Challenge(challenge, pairing, plan, value["opened"])


def now(moment: float | None = None) -> str:
    """Return a moment (seconds since 1970, by default the present one) as the logs write it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
