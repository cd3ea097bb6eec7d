"""One SQLite file in WAL mode: connections per thread, one transaction per update, errors as sentences with the mend."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from knowhow.errors import ConfigError, DataError, PolicyError

SCHEMA_VERSION = "2"

_TABLES = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE audiences (id INTEGER PRIMARY KEY AUTOINCREMENT, groups TEXT NOT NULL UNIQUE);
CREATE TABLE documents (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT NOT NULL, digest TEXT NOT NULL, language TEXT NOT NULL,
    audience INTEGER NOT NULL, chunks INTEGER NOT NULL, characters INTEGER NOT NULL, ingested TEXT NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE texts (document TEXT PRIMARY KEY, text TEXT NOT NULL, regions TEXT NOT NULL);
CREATE TABLE chunks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL, start INTEGER NOT NULL,
    stop INTEGER NOT NULL, audience INTEGER NOT NULL, page INTEGER, heading TEXT NOT NULL, title TEXT NOT NULL,
    source TEXT NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX chunks_of_document ON chunks (document, start);
CREATE TABLE vectors (number INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE terms (id INTEGER PRIMARY KEY AUTOINCREMENT, term TEXT NOT NULL UNIQUE, chunks INTEGER NOT NULL);
CREATE TABLE postings (number INTEGER PRIMARY KEY, length INTEGER NOT NULL, terms BLOB NOT NULL, counts BLOB NOT NULL);
CREATE TABLE removed (generation INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (generation, number)) WITHOUT ROWID;
"""


class Database:
    """Opens the file (creating it), hands out snapshots for reading and one transaction at a time for writing, to any thread."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self.path, self._wait_seconds = path, wait_seconds
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            self._create()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection on which all statements see one committed state."""
        with self._explained(), self._borrow() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Commit everything the block does, or nothing; PolicyError when another process keeps writing."""
        with self._explained(), self._borrow() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def separate(self) -> sqlite3.Connection:
        """Open a connection of its own for a long read; the caller closes it."""
        with self._explained():
            return self._connect()

    def truncate_log(self, wait_seconds: float = 0.1) -> bool:
        """Move the write-ahead log into the file and empty it, so that no deleted text stays; False while a reader holds it."""
        with self._explained(), self._borrow() as connection:
            connection.execute(f"PRAGMA busy_timeout = {round(wait_seconds * 1000)}")
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {round(self._wait_seconds * 1000)}")
        return not busy

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._guard:
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _borrow(self) -> Iterator[sqlite3.Connection]:
        """Lend an idle connection, or a new one, and take it back without an open transaction."""
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
        try:
            yield connection
        finally:
            connection.rollback()
            with self._guard:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._wait_seconds, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _create(self) -> None:
        with self._borrow() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.executemany(
                    "INSERT INTO settings VALUES (?, ?)",
                    [("schema", SCHEMA_VERSION), ("generation", "0"), ("log_floor", "0")],
                )
                connection.execute("INSERT INTO settings VALUES ('instance', lower(hex(randomblob(6))))")
            connection.commit()
            found = read_setting(connection, "schema")
        if found != SCHEMA_VERSION:
            raise ConfigError(
                f"The index {self.path} has format {found}, this version of KnowHow reads format {SCHEMA_VERSION}. "
                "Build it again with: knowhow ingest --rebuild"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise _busy(self.path) from error
            raise DataError(
                f"the index cannot be used ({error}).",
                source=str(self.path),
                mend="Check free space and file permissions.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"the index is damaged ({error}).",
                source=str(self.path),
                mend="Build it again with: knowhow ingest --rebuild",
            ) from error


def install(built: Path, path: Path, wait_seconds: float = 10.0) -> None:
    """Make the content of the closed index `built` that of the index `path`, at once for every process that has it open.

    A `path` that is damaged, absent or of another format is replaced too. `built` stays. PolicyError while another process writes.
    """
    if not _copy(built, path, wait_seconds):
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
        _copy(built, path, wait_seconds)


def _copy(built: Path, path: Path, wait_seconds: float) -> bool:
    # Copying pages inside one transaction, not renaming the file: readers that hold it open follow, and no log of the old
    # file can ever be played into the new one.
    source = sqlite3.connect(built)
    target = sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
    try:
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA secure_delete = ON")
        source.backup(target, pages=-1, progress=_give_up_after(wait_seconds, path))
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise _busy(path) from error
        raise DataError(
            f"the index cannot be replaced ({error}).",
            source=str(path),
            mend="Check free space and permissions.",
        ) from error
    except sqlite3.DatabaseError:
        return False
    finally:
        target.close()
        source.close()
    return True


def _give_up_after(wait_seconds: float, path: Path) -> Callable[[int, int, int], None]:
    """Return a progress callback for a backup, which by itself would wait for another writer without end."""
    deadline = time.monotonic() + wait_seconds

    def check(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise _busy(path)

    return check


def _busy(path: Path) -> PolicyError:
    return PolicyError(
        f"Another process is writing to the index {path}. Wait until it has finished, then try again."
    )


def read_setting(connection: sqlite3.Connection, key: str) -> str | None:
    """Return the value of a setting, or None."""
    row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def write_setting(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set or replace a setting."""
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))
