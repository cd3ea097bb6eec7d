"""A disk that fails at the n-th operation: writes, syncs and renames of knowhow.storage raise EIO or ENOSPC."""

from __future__ import annotations

import errno
import io
import os
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from knowhow import storage


class Disk:
    """Counts operations and fails the one it was told to; a failing write leaves half of its bytes, as a full disk does."""

    def __init__(self, fails_at: int, code: int = errno.ENOSPC) -> None:
        self.fails_at, self.code, self.operations = fails_at, code, 0

    @property
    def has_failed(self) -> bool:
        return self.operations >= self.fails_at

    def step(self) -> bool:
        """Count one operation; True when it is the one that fails."""
        self.operations += 1
        return self.operations == self.fails_at

    def fail(self, path: Any = None) -> OSError:
        return OSError(self.code, os.strerror(self.code), path)

    def check(self, path: Any = None) -> None:
        if self.step():
            raise self.fail(path)


class FailingFile:
    """A file whose writes go through the disk."""

    def __init__(self, inner: Any, disk: Disk) -> None:
        self._inner, self._disk = inner, disk

    def write(self, data: bytes) -> int:
        if self._disk.step():
            self._inner.write(data[: len(data) // 2])
            self._inner.flush()
            raise self._disk.fail()
        return int(self._inner.write(data))

    def __enter__(self) -> FailingFile:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._inner.__exit__(*error)

    def __iter__(self) -> Any:
        return iter(self._inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def failing_disk(disk: Disk) -> Iterator[Disk]:
    """Let every write, sync and rename that knowhow.storage makes go through `disk`."""
    real_fsync, real_replace, real_fdopen, real_open = os.fsync, os.replace, os.fdopen, io.open

    class Os:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def fsync(self, descriptor: int) -> None:
            disk.check()
            real_fsync(descriptor)

        def replace(self, source: Any, target: Any) -> None:
            disk.check(target)
            real_replace(source, target)

        def fdopen(self, descriptor: int, mode: str) -> Any:
            return FailingFile(real_fdopen(descriptor, mode), disk)

    def opened(self: pathlib.Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file = real_open(self, mode, *arguments, **options)
        return FailingFile(file, disk) if "a" in mode else file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "os", Os())
        patch.setattr(pathlib.Path, "open", opened)
        yield disk
