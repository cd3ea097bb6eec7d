"""The catalog of releases: a folder per release, one append-only log, and aliases that are nothing but the end of that log."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.releases.archive import ArchiveLimits, unpack_archive, write_archive
from knowhow.releases.events import (
    CHALLENGER,
    CHAMPION,
    CREATED,
    IMPORTED,
    PROMOTED,
    QUARANTINED,
    ROLLED_BACK,
    WITHDRAWN,
    Event,
    Standing,
    append_event,
    find_standing,
    read_events,
)
from knowhow.releases.release import (
    Release,
    ReleasedFile,
    check_identifier,
    find_files,
    name_release,
    release_from_json,
    release_to_json,
)
from knowhow.storage import (
    digest_file,
    digest_json,
    locked,
    read_blocks,
    read_json,
    sync_directory,
    write_blocks,
    write_json,
)

_WAIT_SECONDS = 30.0


class Catalog:
    """Releases under one folder; a release exists once its event is in the log, whatever lies in the folders.

    `screen` says why what a strategy learned may not be used, or nothing: it sees every folder before it is taken in or answers.
    """

    def __init__(self, folder: Path, screen: Callable[[Path], str] = lambda fitted: "") -> None:
        self.folder, self._screen = folder, screen
        self.log = folder / "events.jsonl"
        self.notify: Callable[[Event], None] = lambda event: None

    def events(self) -> list[Event]:
        """The whole log, checked."""
        return read_events(self.log)

    def standing(self) -> Standing:
        """Where champion and challenger point."""
        return find_standing(self.events())

    def releases(self) -> list[Release]:
        """Every release in the order in which they came."""
        return [self.get(event.release) for event in self.events() if event.kind in (CREATED, IMPORTED)]

    def get(self, name: str) -> Release:
        """Return a release by id, unique beginning of an id, or alias; DataError when its manifest is not the one that was taken in."""
        events = self.events()
        event = self._find(name, events)
        path = self.folder / event.release / "release.json"
        if not path.is_file():
            raise NotFoundError(f"The release {event.release} is in the log, but {path} is missing.")
        value = read_json(path)
        if digest_json(value) != event.manifest:
            raise DataError("is not the manifest that was taken in.", source=str(path), mend="Restore it.")
        return release_from_json(value, str(path))

    def fitted(self, release: Release) -> Path:
        """Return the folder of what the strategy learned, every file checked against its digest; DataError when one differs."""
        if release.id in self.standing().quarantined:
            raise PolicyError(
                f"{release.id} is quarantined: it learned from a document that was purged. Train, compare and release anew."
            )
        folder = self.folder / release.id / "fitted"
        self._refuse_screened(folder, release.id)
        present = {path.relative_to(folder).as_posix(): path for path in find_files(folder)}
        expected = {file.path: file for file in release.files}
        for name in sorted(expected.keys() ^ present.keys()):
            state = "is missing" if name in expected else "does not belong to the release"
            raise DataError(
                f"{state}.", source=str(folder / name), mend="Import or create the release again."
            )
        for name, file in expected.items():
            if digest_file(present[name]) != file.sha256:
                raise DataError(
                    f"is not the file that was released as {release.id}.",
                    source=str(present[name]),
                    mend="Import or create the release again.",
                )
        return folder

    def create(self, draft: Release, fitted: Path) -> Release:
        """Freeze `draft` with copies of the files under `fitted`; its files and id are filled in. PolicyError when it exists already."""
        with self._locked():
            events = self.events()
            self._refuse_screened(fitted, draft.strategy)
            draft = replace(draft, files=_describe_files(fitted))
            release = replace(draft, id=name_release(draft))
            self._refuse_known(release, events)
            folder = self._clear(release.id)
            for file in release.files:
                written = write_blocks(folder / "fitted" / file.path, read_blocks(fitted / file.path))
                if written != file.sha256:
                    raise DataError("changed while it was copied.", source=str(fitted / file.path))
            self._take_in(release, events, CREATED, release.created_by, release.reason)
            return release

    def promote(self, name: str, *, by: str, reason: str, alias: str = CHAMPION) -> Event:
        """Point an alias at a release whose files are whole; PolicyError when it points there already."""
        if alias not in (CHAMPION, CHALLENGER):
            raise NotFoundError.unknown("alias", alias, (CHAMPION, CHALLENGER))
        with self._locked():
            events = self.events()
            release = self.get(name)
            self.fitted(release)
            standing = find_standing(events)
            current = standing.champion if alias == CHAMPION else standing.challenger
            if release.id == current:
                raise PolicyError(f"{release.id} is the {alias} already.")
            if alias == CHALLENGER and release.id == standing.champion:
                raise PolicyError(f"{release.id} is the champion and cannot challenge itself.")
            event = Event(0, "", PROMOTED, release.id, by, reason, alias, current, release.override)
            return self._append(events, event)

    def withdraw_challenger(self, *, by: str, reason: str) -> Event:
        """End a challenge without a new champion."""
        with self._locked():
            events = self.events()
            current = find_standing(events).challenger
            if not current:
                raise NotFoundError("There is no challenger to withdraw.")
            return self._append(events, Event(0, "", WITHDRAWN, current, by, reason, CHALLENGER))

    def quarantine(self, names: Collection[str], *, by: str, reason: str) -> list[Event]:
        """Keep releases from ever answering again, and destroy what they learned; those that are quarantined already stay so."""
        with self._locked():
            made = []
            for name in sorted(names):
                events = self.events()
                if name not in find_standing(events).quarantined:
                    made.append(self._append(events, Event(0, "", QUARANTINED, name, by, reason)))
                # The log comes first: a release without its files must never look like a damaged one.
                shutil.rmtree(self.folder / check_identifier(name) / "fitted", ignore_errors=True)
            shutil.rmtree(self.folder / ".import", ignore_errors=True)
            return made

    def rollback(self, *, by: str, reason: str, to: str = "") -> Event:
        """Point champion back at the one before, or at the earlier champion `to`; one durable line, nothing is copied or loaded."""
        with self._locked():
            events = self.events()
            champions = find_standing(events).champions
            target = self._find(to, events).release if to else (champions[-2] if len(champions) > 1 else "")
            if not target:
                raise PolicyError("There is no earlier champion to roll back to. See: knowhow release list")
            if target not in champions[:-1]:
                raise PolicyError(
                    f"{target} is not an earlier champion. Use: knowhow release promote {target}"
                )
            self.fitted(self.get(target))
            event = Event(0, "", ROLLED_BACK, target, by, reason, CHAMPION, champions[-1])
            return self._append(events, event)

    def export(self, name: str, target: Path) -> Release:
        """Write a release as one tar archive, equal releases to equal bytes; an existing file is never overwritten."""
        if target.exists():
            raise PolicyError(f"{target} exists already. Choose another file.")
        release = self.get(name)
        write_archive(target, self.folder / release.id / "release.json", self.fitted(release), release)
        return release

    def take_archive(
        self, archive: Path, *, by: str, reason: str, limits: ArchiveLimits | None = None
    ) -> Release:
        """Import an archive: nothing is kept of one whose paths, sizes, manifest or digests are not right."""
        with self._locked():
            events = self.events()
            staging = self._clear(".import")
            try:
                value = unpack_archive(archive, staging, limits or ArchiveLimits())
                release = release_from_json(value, str(archive))
                self._refuse_known(release, events)
                _check_staged(staging / "fitted", release, archive)
                self._refuse_screened(staging / "fitted", release.id)
                shutil.rmtree(self._clear(release.id))
                staging.rename(self.folder / release.id)
                sync_directory(self.folder)
                self._take_in(release, events, IMPORTED, by, reason)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            return release

    def _refuse_screened(self, fitted: Path, name: str) -> None:
        if reason := self._screen(fitted):
            raise PolicyError(f"{name} may not be used: {reason}")

    def _take_in(self, release: Release, events: list[Event], kind: str, by: str, reason: str) -> None:
        value = release_to_json(release)
        write_json(self.folder / release.id / "release.json", value)
        stored = read_json(self.folder / release.id / "release.json")
        event = Event(
            0, "", kind, release.id, by, reason, override=release.override, manifest=digest_json(stored)
        )
        self._append(events, event)

    def _append(self, events: list[Event], event: Event) -> Event:
        made = append_event(self.log, events, event)
        self.notify(made)
        return made

    def _find(self, name: str, events: list[Event]) -> Event:
        standing = find_standing(events)
        wanted = {CHAMPION: standing.champion, CHALLENGER: standing.challenger}.get(name, name)
        if not wanted:
            raise NotFoundError(f"There is no {name}. Make one with: knowhow release promote ID")
        check_identifier(wanted)
        known = {event.release: event for event in events if event.kind in (CREATED, IMPORTED)}
        found = (
            [known[wanted]] if wanted in known else [known[key] for key in known if key.startswith(wanted)]
        )
        if len(found) != 1:
            raise NotFoundError.unknown("release", name, known)
        return found[0]

    def _refuse_known(self, release: Release, events: list[Event]) -> None:
        if any(event.release == release.id for event in events):
            raise PolicyError(
                f"This is the release {release.id}, which exists already. Promote it with: knowhow release promote {release.id}"
            )

    def _clear(self, name: str) -> Path:
        """Return an empty folder: what lies there without an event is the rest of a creation that was interrupted."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "fitted").mkdir(parents=True)
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.folder / ".lock", purpose="a change of releases", wait_seconds=_WAIT_SECONDS):
            yield


def _describe_files(fitted: Path) -> tuple[ReleasedFile, ...]:
    return tuple(
        ReleasedFile(path.relative_to(fitted).as_posix(), digest_file(path), path.stat().st_size)
        for path in find_files(fitted)
    )


def _check_staged(folder: Path, release: Release, archive: Path) -> None:
    if _describe_files(folder) != tuple(sorted(release.files, key=lambda file: Path(file.path))):
        raise DataError(
            f"holds other files than {release.id} lists.",
            source=str(archive),
            mend="Export the release again.",
        )
