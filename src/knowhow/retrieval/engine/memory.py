"""The searchable state in memory: immutable snapshots, brought up to date with the file by what was added and removed."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from knowhow.retrieval.engine.database import read_setting
from knowhow.retrieval.engine.lexical import Bm25
from knowhow.retrieval.engine.permissions import Readable, make_readable, readable_audiences
from knowhow.retrieval.engine.postings import Segment, append_segment, make_segment
from knowhow.retrieval.engine.rows import decode_groups
from knowhow.retrieval.engine.vectors import Matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = TypeVar("Value")
_CACHED_AUDIENCES = 64
_DEAD_SHARE = 0.3
_READ_ROWS = 20_000


@dataclass(frozen=True)
class Snapshot:
    """One committed state: row r is chunk `numbers[r]`; removed chunks keep their row and are not live."""

    instance: str
    generation: int
    numbers: NDArray[np.int64]
    ids: list[str]
    row_audiences: NDArray[np.int32]
    is_live: NDArray[np.bool_]
    audiences: dict[int, frozenset[str]]
    matrix: NDArray[np.float32] | None = None
    segments: tuple[Segment, ...] | None = None
    lengths: NDArray[np.int64] | None = None
    _readable: OrderedDict[frozenset[int], Readable] = field(default_factory=OrderedDict)
    _scorers: OrderedDict[frozenset[int], Bm25] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def readable(self, groups: frozenset[str]) -> Readable:
        """Return the rows that an asker with `groups` may read."""
        return self._readable_by(readable_audiences(self.audiences, groups))

    def scorer(self, groups: frozenset[str]) -> Bm25:
        """Return the lexical scorer over the rows that an asker with `groups` may read."""
        allowed = readable_audiences(self.audiences, groups)
        scorer = self._recall(self._scorers, allowed)
        if scorer is None:
            assert self.segments is not None
            assert self.lengths is not None
            scorer = Bm25(self.segments, self.lengths, self._readable_by(allowed), self.ids)
            self._keep(self._scorers, allowed, scorer)
        return scorer

    def _readable_by(self, allowed: frozenset[int]) -> Readable:
        found = self._recall(self._readable, allowed)
        if found is None:
            found = make_readable(self.row_audiences, self.is_live, allowed)
            self._keep(self._readable, allowed, found)
        return found

    def _recall(self, cache: OrderedDict[frozenset[int], Value], key: frozenset[int]) -> Value | None:
        with self._guard:
            if key in cache:
                cache.move_to_end(key)
            return cache.get(key)

    def _keep(self, cache: OrderedDict[frozenset[int], Value], key: frozenset[int], value: Value) -> None:
        with self._guard:
            cache[key] = value
            while len(cache) > _CACHED_AUDIENCES:
                cache.popitem(last=False)


class Memory:
    """Holds the latest snapshot and the term numbers; loads vectors and postings only once something searches them."""

    def __init__(self) -> None:
        self.term_numbers: dict[str, tuple[int, ...]] = {}
        self._last_term = 0
        self._snapshot: Snapshot | None = None
        self._matrix: Matrix | None = None
        self._guard = threading.Lock()

    def current(
        self, connection: sqlite3.Connection, *, needs_vectors: bool = False, needs_postings: bool = False
    ) -> Snapshot:
        """Return the state that `connection` sees inside its open transaction, with the parts that are needed."""
        with self._guard:
            snapshot = self._advance(connection)
            if needs_vectors and (snapshot.matrix is None or len(snapshot.matrix) < len(snapshot.numbers)):
                snapshot = self._with_vectors(connection, snapshot)
            if needs_postings and (snapshot.lengths is None or len(snapshot.lengths) < len(snapshot.numbers)):
                snapshot = self._with_postings(connection, snapshot)
            self._snapshot = snapshot
            return snapshot

    def forget(self) -> None:
        """Drop everything held."""
        with self._guard:
            self._snapshot, self._matrix = None, None
            self.term_numbers, self._last_term = {}, 0

    def _advance(self, connection: sqlite3.Connection) -> Snapshot:
        instance = str(read_setting(connection, "instance"))
        generation = int(read_setting(connection, "generation") or 0)
        old = self._snapshot
        if old is not None and (old.instance, old.generation) == (instance, generation):
            return old
        floor = int(read_setting(connection, "log_floor") or 0)
        if old is None or old.instance != instance or not floor <= old.generation < generation:
            return self._load(connection, instance, generation)
        removed = [
            row[0]
            for row in connection.execute(
                "SELECT number FROM removed WHERE generation > ?", (old.generation,)
            )
        ]
        is_live = old.is_live.copy()
        if len(old.numbers) and removed:
            places = np.searchsorted(old.numbers, np.array(removed, dtype=np.int64))
            known = places < len(old.numbers)
            places, wanted = places[known], np.array(removed, dtype=np.int64)[known]
            is_live[places[old.numbers[places] == wanted]] = False
        if np.count_nonzero(~is_live) > _DEAD_SHARE * len(is_live):
            return self._load(connection, instance, generation)
        last = int(old.numbers[-1]) if len(old.numbers) else 0
        numbers, ids, audiences = _read_rows(connection, last)
        return replace(
            old,
            generation=generation,
            numbers=np.concatenate([old.numbers, numbers]),
            ids=old.ids + ids,
            row_audiences=np.concatenate([old.row_audiences, audiences]),
            is_live=np.concatenate([is_live, np.ones(len(numbers), dtype=np.bool_)]),
            audiences=_read_audiences(connection),
            _readable=OrderedDict(),
            _scorers=OrderedDict(),
            _guard=threading.Lock(),
        )

    def _load(self, connection: sqlite3.Connection, instance: str, generation: int) -> Snapshot:
        if self._snapshot is not None and self._snapshot.instance != instance:
            self.term_numbers, self._last_term = {}, 0
        self._snapshot, self._matrix = None, None
        numbers, ids, audiences = _read_rows(connection, 0)
        is_live = np.ones(len(numbers), dtype=np.bool_)
        return Snapshot(instance, generation, numbers, ids, audiences, is_live, _read_audiences(connection))

    def _with_vectors(self, connection: sqlite3.Connection, snapshot: Snapshot) -> Snapshot:
        if self._matrix is None:
            self._matrix = Matrix(int(read_setting(connection, "dimension") or 0))
        matrix = self._matrix
        missing = snapshot.numbers[matrix.rows :]
        for start in range(0, len(missing), _READ_ROWS):
            block = missing[start : start + _READ_ROWS]
            vectors = np.zeros((len(block), matrix.dimension), dtype=np.float32)
            rows = connection.execute(
                "SELECT number, vector FROM vectors WHERE number BETWEEN ? AND ? ORDER BY number",
                (int(block[0]), int(block[-1])),
            ).fetchall()
            if rows:
                places = np.searchsorted(block, np.array([row[0] for row in rows], dtype=np.int64))
                data = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4")
                vectors[places] = data.reshape(len(rows), matrix.dimension)
            matrix.append(vectors)
        return replace(snapshot, matrix=matrix.view())

    def _with_postings(self, connection: sqlite3.Connection, snapshot: Snapshot) -> Snapshot:
        for number, term in connection.execute(
            "SELECT id, term FROM terms WHERE id > ? ORDER BY id", (self._last_term,)
        ):
            # A term that vanished and came back has several numbers; postings under the old ones are of removed rows.
            self.term_numbers[term] = (*self.term_numbers.get(term, ()), number)
            self._last_term = number
        segments = snapshot.segments or ()
        known = snapshot.lengths if snapshot.lengths is not None else np.zeros(0, dtype=np.int64)
        lengths = np.concatenate([known, np.zeros(len(snapshot.numbers) - len(known), dtype=np.int64)])
        for start in range(len(known), len(lengths), _READ_ROWS):
            stop = min(start + _READ_ROWS, len(lengths))
            segment = _read_segment(connection, snapshot.numbers, lengths, start, stop)
            segments = append_segment(segments, segment)
        return replace(snapshot, segments=segments, lengths=lengths)


def _read_rows(
    connection: sqlite3.Connection, after: int
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int32]]:
    rows = connection.execute(
        "SELECT number, id, audience FROM chunks WHERE number > ? ORDER BY number", (after,)
    ).fetchall()
    return (
        np.array([row[0] for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        np.array([row[2] for row in rows], dtype=np.int32),
    )


def _read_audiences(connection: sqlite3.Connection) -> dict[int, frozenset[str]]:
    return {row[0]: decode_groups(row[1]) for row in connection.execute("SELECT id, groups FROM audiences")}


def _read_segment(
    connection: sqlite3.Connection,
    numbers: NDArray[np.int64],
    lengths: NDArray[np.int64],
    start: int,
    stop: int,
) -> Segment:
    found = connection.execute(
        "SELECT number, length, terms, counts FROM postings WHERE number BETWEEN ? AND ? ORDER BY number",
        (int(numbers[start]), int(numbers[stop - 1])),
    ).fetchall()
    places = start + np.searchsorted(numbers[start:stop], np.array([row[0] for row in found], dtype=np.int64))
    lengths[places] = [row[1] for row in found]
    terms = np.frombuffer(b"".join(row[2] for row in found), dtype="<u4").astype(np.int64)
    counts = np.frombuffer(b"".join(row[3] for row in found), dtype="<u2")
    rows = np.repeat(places.astype(np.int32), [len(row[3]) // 2 for row in found])
    return make_segment(terms, rows, counts)
