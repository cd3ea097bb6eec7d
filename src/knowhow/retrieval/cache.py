"""A small exact cache of retrieval: one entry per question text, groups, k and index version, so no asker gets another's hits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowhow.protocols import Index, Retriever
from knowhow.types import Hit, Query

Key = tuple[str, frozenset[str], int]


@dataclass(frozen=True)
class CachingRetriever:
    """Remembers the last `size` results of `inner` for the current version of `index`; an update empties it."""

    inner: Retriever
    index: Index
    size: int = 1024
    _entries: OrderedDict[Key, list[Hit]] = field(default_factory=OrderedDict, init=False, repr=False)
    _version: list[str] = field(default_factory=lambda: [""], init=False, repr=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
        """For each query at most k hits its asker may read, best first."""
        version = self.index.version
        keys = [(query.text, query.groups, k) for query in queries]
        found = self._recall(keys, version)
        missing = {key: query for key, query in zip(keys, queries, strict=True) if key not in found}
        if missing:
            fresh = dict(zip(missing, self.inner.retrieve(list(missing.values()), k), strict=True))
            found.update(fresh)
            # What was found while the index moved on may be of either state and is not kept.
            if self.index.version == version:
                self._keep(fresh, version)
        return [list(found[key]) for key in keys]

    def _recall(self, keys: Sequence[Key], version: str) -> dict[Key, list[Hit]]:
        with self._guard:
            if self._version[0] != version:
                self._entries.clear()
                self._version[0] = version
            found = {key: self._entries[key] for key in keys if key in self._entries}
            for key in found:
                self._entries.move_to_end(key)
            return found

    def _keep(self, fresh: dict[Key, list[Hit]], version: str) -> None:
        with self._guard:
            if self._version[0] != version:
                return
            self._entries.update(fresh)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)
