"""Acting on guard rails: a challenger that breaks one is withdrawn, a new champion is rolled back, everything else is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knowhow.config import Settings
from knowhow.errors import KnowHowError
from knowhow.monitoring.alerts import Alert
from knowhow.monitoring.records import LiveAnswer
from knowhow.releases.events import CHALLENGER, CHAMPION, PROMOTED, Event, find_standing
from knowhow.traffic.challenge import now
from knowhow.traffic.guard import Breach, Guard, LiveFigures
from knowhow.workspace.release import catalog
from knowhow.workspace.traffic import Traffic, last_move

PERSON = "guard"
"""The name under which its decisions stand in the release log."""


@dataclass(frozen=True, slots=True)
class _Watched:
    guard: Guard
    event: int


class Guardian:
    """Watches every release that answers, afresh from the event that put it where it stands."""

    def __init__(self, settings: Settings, traffic: Traffic) -> None:
        self._settings, self._traffic = settings, traffic
        self._catalog = catalog(settings)
        self._watched: dict[str, _Watched] = {}

    def resume(self, rows: Iterable[LiveAnswer]) -> None:
        """Take in the rows of an earlier process, without acting on them: the next answer will."""
        events = self._catalog.events()
        places: dict[str, Event | None] = {}
        for row in rows:
            if row.release not in places:
                places[row.release] = _find_place(events, row.release)
            place = places[row.release]
            if place is not None and _moment(row) >= place.time:
                self._watch(row.release, place.number).observe(_figures(row))

    def observe(self, row: LiveAnswer) -> Alert | None:
        """Take in one answer; return what was done where it shows that a limit is broken."""
        watched = self._watched.get(row.release)
        # The log is read when a release is new to us; a move since then is looked up before anything is done.
        if watched is None:
            place = _find_place(self._catalog.events(), row.release)
            guard = self._watch(row.release, place.number if place else 0)
        else:
            guard = watched.guard
        breach = guard.observe(_figures(row))
        if breach is None:
            return None
        return self._act(row.release, breach)

    def _act(self, release: str, breach: Breach) -> Alert | None:
        events = self._catalog.events()
        place = _find_place(events, release)
        watched = self._watched.pop(release)
        number = place.number if place else 0
        if number != watched.event:
            # It was moved meanwhile: what was seen before does not count against where it stands now.
            self._watch(release, number)
            return None
        self._watch(release, number)
        if place is None:
            return Alert(
                "guard", release, f"{breach.reason} It is no champion or challenger, so nothing was changed."
            )
        try:
            return self._change(place, events, breach)
        except KnowHowError as error:
            return Alert("guard", release, f"{breach.reason} It could not be taken back: {error}")

    def _change(self, place: Event, events: list[Event], breach: Breach) -> Alert:
        release = place.release
        if place.alias == CHALLENGER:
            reason = f"A guard rail withdrew the challenger: {breach.reason}"
            if self._traffic.stop("guard", reason, PERSON) is None:
                self._catalog.withdraw_challenger(by=PERSON, reason=reason)
            return Alert("withdrawn", release, reason)
        if not self._settings.guard.rolls_back:
            return Alert(
                "guard", release, f"{breach.reason} [guard] rolls_back is false, so nothing was changed."
            )
        if place.kind != PROMOTED:
            return Alert(
                "guard",
                release,
                f"{breach.reason} A rollback put this release there, so no further one follows: "
                "look at the engine and the documents.",
            )
        if len(find_standing(events).champions) < 2:
            return Alert("guard", release, f"{breach.reason} There is no earlier champion to roll back to.")
        reason = f"A guard rail rolled back: {breach.reason}"
        event = self._catalog.rollback(by=PERSON, reason=reason)
        return Alert("rolled_back", release, f"{reason} {event.release} answers again.")

    def _watch(self, release: str, event: int) -> Guard:
        watched = self._watched.get(release)
        if watched is None or watched.event != event:
            watched = _Watched(Guard(self._settings.guard), event)
            self._watched[release] = watched
        return watched.guard


def _find_place(events: list[Event], release: str) -> Event | None:
    """Return the event that made a release champion or challenger, None where it is neither now."""
    standing = find_standing(events)
    if release == standing.champion:
        return last_move(events, release, CHAMPION)
    return last_move(events, release, CHALLENGER) if release == standing.challenger else None


def _figures(row: LiveAnswer) -> LiveFigures:
    # Waiting is the load's doing, not the release's.
    return LiveFigures(row.is_error, row.seconds - row.queue_seconds, row.format, row.grounding)


def _moment(row: LiveAnswer) -> str:
    return now(row.time)
