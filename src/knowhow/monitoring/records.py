"""One row for each live answer, in a file a day: figures only, never the text of a question or an answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from knowhow.errors import ConfigError, DataError
from knowhow.registry import check_options
from knowhow.storage import append_lines, read_lines

_PREFIX, _DAY_SECONDS = "answers-", 86_400


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """The figures of one answer; `time` in seconds since 1970, None where a figure does not apply or was not sampled.

    `score` is the relevance of the best passage. `sketch` is the question as a point of few dimensions (see drift), empty where not sampled.
    """

    time: float
    release: str
    arm: str = ""
    is_error: bool = False
    is_abstention: bool = False
    seconds: float = 0.0
    queue_seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    score: float | None = None
    format: float | None = None
    grounding: float | None = None
    relevance: float | None = None
    sketch: tuple[float, ...] = ()


class LiveStore:
    """The rows under one folder, kept for `keep_days`."""

    def __init__(self, folder: Path, keep_days: int) -> None:
        self.folder, self._keep_days = folder, keep_days
        self._pruned = ""

    def add(self, rows: Iterable[LiveAnswer]) -> None:
        """Keep rows durably, those of a day in one write; files that are older than the keep time are deleted."""
        by_day: dict[str, list[LiveAnswer]] = {}
        for row in rows:
            by_day.setdefault(_day(row.time), []).append(row)
        for day, found in by_day.items():
            append_lines(self.folder / f"{_PREFIX}{day}.jsonl", [_plain(row) for row in found])
        if by_day and (latest := max(by_day)) != self._pruned:
            self._prune(latest)

    def read(self, since: float = 0.0) -> Iterator[LiveAnswer]:
        """Yield the rows from a moment on, in the order in which they were written; DataError for a damaged line."""
        first = f"{_PREFIX}{_day(since)}.jsonl"
        for path in sorted(self.folder.glob(f"{_PREFIX}*.jsonl")):
            if path.name < first:
                continue
            for number, value in enumerate(read_lines(path), start=1):
                try:
                    row = LiveAnswer(**check_options(LiveAnswer, value, "row"))
                except (ConfigError, TypeError) as error:
                    raise DataError(f"is not a row of figures ({error}).", source=str(path), line=number) from error  # fmt: skip
                if row.time >= since:
                    yield row

    def _prune(self, today: str) -> None:
        oldest = _day(time.time() - self._keep_days * _DAY_SECONDS)
        for path in self.folder.glob(f"{_PREFIX}*.jsonl"):
            if path.name < f"{_PREFIX}{oldest}.jsonl":
                path.unlink(missing_ok=True)
        self._pruned = today


def _plain(row: LiveAnswer) -> dict[str, object]:
    """Leave out what says nothing: most rows are short."""
    defaults = asdict(LiveAnswer(0.0, ""))
    values = asdict(row)
    return {
        key: value for key, value in values.items() if value != defaults[key] or key in ("time", "release")
    }


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
