"""The log of releases: who did what, when and why. Lines are only ever appended, and each carries the digest of all before it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from knowhow.errors import DataError, PolicyError
from knowhow.journal import link, read_journal
from knowhow.storage import append_lines

CHAMPION, CHALLENGER = "champion", "challenger"
CREATED, IMPORTED, PROMOTED, ROLLED_BACK, WITHDRAWN, QUARANTINED = (
    "created",
    "imported",
    "promoted",
    "rolled_back",
    "withdrawn",
    "quarantined",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log; `manifest` is the digest of the release as it was taken in, `chain` covers this and all earlier lines."""

    number: int
    time: str
    kind: str
    release: str
    by: str
    reason: str
    alias: str = ""
    previous: str = ""
    override: str = ""
    manifest: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the aliases point; `champions` are the champions a rollback can go back through, the present one last.

    `quarantined` are the releases that may not answer any more, because they learned from something that was purged.
    """

    champions: tuple[str, ...] = ()
    challenger: str = ""
    quarantined: frozenset[str] = frozenset()

    @property
    def champion(self) -> str:
        """The release that answers, empty when there is none."""
        return self.champions[-1] if self.champions else ""


def read_events(path: Path) -> list[Event]:
    """Return the log; DataError with the line when one was changed, removed or put in between."""
    events: list[Event] = []
    for number, row in enumerate(read_journal(path), start=1):
        try:
            events.append(Event(**row))
        except TypeError as error:
            raise DataError(
                "is not a line about a release.",
                source=str(path),
                line=number,
                mend="Restore the file from a backup.",
            ) from error
    return events


def append_event(path: Path, events: Iterable[Event], event: Event) -> Event:
    """Append one event durably after `events`, with its number, time and chain filled in; PolicyError without person or reason."""
    if not event.by.strip() or not event.reason.strip():
        raise PolicyError("The log of releases needs a person and a reason. Give --reason (and --by).")
    earlier = list(events)
    stamped = replace(
        event,
        number=len(earlier) + 1,
        time=event.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    chained = replace(stamped, chain=link(earlier[-1].chain if earlier else "", asdict(stamped)))
    append_lines(path, [asdict(chained)])
    return chained


def find_standing(events: Iterable[Event]) -> Standing:
    """Fold the log into where the aliases point now."""
    champions: list[str] = []
    challenger = ""
    quarantined: set[str] = set()
    for event in events:
        if event.kind == QUARANTINED:
            quarantined.add(event.release)
        elif event.alias == CHALLENGER:
            challenger = event.release if event.kind == PROMOTED else ""
        elif event.kind == PROMOTED:
            champions.append(event.release)
            challenger = "" if challenger == event.release else challenger
        elif event.kind == ROLLED_BACK:
            while champions and champions[-1] != event.release:
                champions.pop()
            if not champions:
                champions.append(event.release)
    allowed = tuple(name for name in champions if name not in quarantined)
    return Standing(allowed, "" if challenger in quarantined else challenger, frozenset(quarantined))
