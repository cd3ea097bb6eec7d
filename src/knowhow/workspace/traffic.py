"""Champion and challenger in a workspace: who answers a conversation, what came of it, and acting on what that shows."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from knowhow.config import Settings
from knowhow.errors import KnowHowError, PolicyError
from knowhow.monitoring.alerts import Alert
from knowhow.operation import AUTOMATIC
from knowhow.releases.catalog import Catalog
from knowhow.releases.events import (
    CHALLENGER,
    CHAMPION,
    PROMOTED,
    ROLLED_BACK,
    Event,
    Standing,
    find_standing,
)
from knowhow.storage import locked, write_text
from knowhow.traffic.assignment import CHALLENGER_ARM, CHAMPION_ARM, choose_arm, name_unit
from knowhow.traffic.challenge import Challenge, ChallengeLog, Pairing
from knowhow.traffic.trial import LOST, RUNNING, UNDECIDED, WON, Outcome, Plan, describe
from knowhow.workspace.release import catalog

JUDGE = "traffic"
"""The name under which decisions of a challenge stand in the release log."""
SUPERSEDED = "superseded"
_NO_STANDING = Standing()

Promote = Callable[[str, str], Event]
"""(release, reason) -> the event; DataError or PolicyError where it cannot answer here and now."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What answers a question, and what its outcome counts for; without a challenge `arm` is empty."""

    release: str = ""
    challenge: str = ""
    unit: str = ""
    arm: str = ""
    shadow: str = ""
    metric: str = ""


UNASSIGNED = Assignment()
"""The champion answers, and nothing counts."""


class Traffic:
    """Follows the release log: opens the challenge that it and [traffic] ask for, gives it conversations, ends it when it is decided."""

    def __init__(self, settings: Settings, promote: Promote) -> None:
        self._settings, self._promote = settings, promote
        self._catalog: Catalog = catalog(settings)
        self.log = ChallengeLog(settings.state / "traffic")
        self._secret = _read_secret(settings.state / "traffic" / "secret")
        self._lock = threading.RLock()
        self._signature: tuple[int, int] | None = None
        self._standing = _NO_STANDING
        self._current: Challenge | None = None
        self._seen: set[tuple[str, str, str]] = set()
        self._tried: set[str] = set()

    def follow(self) -> Challenge | None:
        """Return the challenge that runs now or has ended last; the release log is read again only when it has changed."""
        signature = _signature(self._catalog.log)
        if signature == self._signature:
            # Without the lock: whoever is asked now must not wait until an outcome has reached the disk.
            return self._current
        with self._lock:
            if signature != self._signature:
                self._read(self._catalog.events())
                self._signature = signature
            return self._current

    def assign(self, asker: str, beginning: str) -> Assignment:
        """Return what answers the conversation of `asker` that began with the question `beginning`."""
        challenge = self.follow()
        if challenge is None or not challenge.is_open:
            return UNASSIGNED
        plan = challenge.plan
        unit = name_unit(self._secret, asker, beginning if plan.sticky == "conversation" else "")
        arm = choose_arm(challenge.id, unit, plan.share)
        common = Assignment("", challenge.id, unit, CHAMPION_ARM, metric=plan.metric)
        if arm == CHAMPION_ARM:
            # In shadow mode only what both answer counts.
            return UNASSIGNED if plan.is_shadow else common
        if plan.is_shadow:
            return replace(common, shadow=challenge.pairing.challenger)
        return replace(common, release=challenge.pairing.challenger, arm=CHALLENGER_ARM)

    def note(self, assignment: Assignment, metric: str, value: float) -> None:
        """Keep an outcome durably where its challenge still runs; only the first of a conversation and metric is kept."""
        key = (assignment.unit, assignment.arm, metric)
        with self._lock:
            current = self._current
            if (
                current is None
                or not current.is_open
                or current.id != assignment.challenge
                or key in self._seen
            ):
                return
            outcome = Outcome(assignment.unit, assignment.arm, metric, value)
            self.log.add(current.id, [outcome])
            self._seen.add(key)
            self._current = replace(current, outcomes=(*current.outcomes, outcome))

    def note_automatic(self, assignment: Assignment, scores: Iterable[tuple[str, float | None]]) -> None:
        """Keep the automatic outcome that the challenge is decided by, where it is one."""
        for metric, value in scores:
            if metric == assignment.metric and metric in AUTOMATIC and value is not None:
                self.note(assignment, metric, value)

    def decide(self) -> Alert | None:
        """End the challenge when its outcomes decide it: promote, withdraw or say so; what a crash interrupted is done first."""
        with self._lock:
            current = self.follow()
            if current is None:
                return None
            if not current.is_open:
                return self._act(current)
            if (state := current.judge(has_interval=False).state) == RUNNING:
                return None
            reason = f"{_VERDICTS[state]} {describe(current.judge(), current.plan)}"
            self.log.close(current.id, state, reason)
            self._current = self.log.read(current.id)
            return self._act(self._current)

    def stop(self, state: str, reason: str, by: str) -> Alert | None:
        """End the running challenge and withdraw the challenger; None where none runs."""
        with self._lock:
            current = self.follow()
            if current is None or not current.is_open:
                return None
            self.log.close(current.id, state, reason)
            self._current = self.log.read(current.id)
            return self._withdraw(current, reason, by)

    def _act(self, challenge: Challenge) -> Alert | None:
        """Do what the ending of a challenge asks for, unless it has been done: then the challenger does not stand there any more."""
        ending, pairing = challenge.ending, challenge.pairing
        if ending is None or self._standing.challenger != pairing.challenger or challenge.id in self._tried:
            return None
        self._tried.add(challenge.id)
        if ending.state in (LOST, UNDECIDED):
            return self._withdraw(challenge, ending.reason, JUDGE)
        if ending.state != WON:
            return None
        if not challenge.plan.promotes:
            return Alert(
                "challenger_won",
                challenge.id,
                f"{ending.reason} Promote it with: knowhow release promote {pairing.challenger}",
            )
        try:
            self._promote(pairing.challenger, ending.reason)
        except KnowHowError as error:
            return Alert(
                "promotion_failed", challenge.id, f"{ending.reason} It could not be promoted: {error}"
            )
        return Alert("promoted", pairing.challenger, ending.reason)

    def _withdraw(self, challenge: Challenge, reason: str, by: str) -> Alert:
        self._catalog.withdraw_challenger(by=by, reason=reason)
        return Alert("withdrawn", challenge.pairing.challenger, reason)

    def _read(self, events: list[Event]) -> None:
        self._standing = find_standing(events)
        pairing = _find_pairing(events, self._standing)
        if pairing is None:
            self._current = None
        else:
            self._current = self._open(pairing)
        self._seen = {
            (outcome.unit, outcome.arm, outcome.metric)
            for outcome in (self._current.outcomes if self._current else ())
        }
        for challenge in self.log.all():
            if challenge.is_open and (self._current is None or challenge.id != self._current.id):
                self.log.close(challenge.id, SUPERSEDED, "Champion or challenger were changed by a person.")

    def _open(self, pairing: Pairing) -> Challenge | None:
        if self.log.path(pairing.id).exists():
            return self.log.read(pairing.id)
        chosen = self._settings.traffic
        if chosen.share <= 0:
            return None
        plan = Plan(
            metric=chosen.metric,
            share=chosen.share,
            alpha=chosen.alpha,
            margin=chosen.margin,
            conversations=chosen.conversations,
            sticky=chosen.sticky,
            is_shadow=chosen.shadow,
            promotes=chosen.promotes,
        )
        with locked(self.log.folder / ".lock", purpose="opening a challenge", wait_seconds=10.0):
            return self.log.open(pairing, plan)


_VERDICTS = {
    WON: "The challenger won.",
    LOST: "The challenger is worse.",
    UNDECIDED: "As many conversations as planned could not decide.",
}


def challenges(settings: Settings) -> list[Challenge]:
    """Return all challenges of a workspace, oldest first."""
    return list(ChallengeLog(settings.state / "traffic").all())


def stop_challenge(settings: Settings, *, by: str, reason: str) -> Challenge:
    """End the running challenge by hand; PolicyError where none runs."""
    releases = catalog(settings)
    pairing = _find_pairing(releases.events(), releases.standing())
    log = ChallengeLog(settings.state / "traffic")
    if pairing is None or not log.path(pairing.id).exists() or not log.read(pairing.id).is_open:
        raise PolicyError(
            "No challenge is running. Begin one with: knowhow release promote ID --alias challenger"
        )
    log.close(pairing.id, "stopped", reason)
    releases.withdraw_challenger(by=by, reason=reason)
    return log.read(pairing.id)


def last_move(events: Iterable[Event], release: str, alias: str) -> Event | None:
    """Return the event that put a release where it stands now."""
    moves = [event for event in events if event.release == release and event.alias == alias and event.kind in (PROMOTED, ROLLED_BACK)]  # fmt: skip
    return moves[-1] if moves else None


def _find_pairing(events: list[Event], standing: Standing) -> Pairing | None:
    if not standing.champion or not standing.challenger:
        return None
    champion = last_move(events, standing.champion, CHAMPION)
    challenger = last_move(events, standing.challenger, CHALLENGER)
    if champion is None or challenger is None:
        return None
    return Pairing(standing.champion, standing.challenger, champion.number, challenger.number)


def _read_secret(path: Path) -> str:
    """Return the workspace's secret for assignments, made at the first use; only its owner may read the file."""
    if not path.exists():
        with locked(path.with_name(".lock"), purpose="making a secret", wait_seconds=10.0):
            if not path.exists():
                write_text(path, secrets.token_hex(32))
                os.chmod(path, 0o600)
    return path.read_text(encoding="utf-8").strip()


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_size
