"""Every registered index keeps the contract."""

from collections.abc import Callable
from pathlib import Path

import pytest

from knowhow.protocols import Index
from knowhow.registry import build, names
from knowhow.testing.index_contract import IndexContract


@pytest.mark.parametrize("name", names("index"))
class TestIndexes(IndexContract):
    @pytest.fixture
    def make(self, tmp_path: Path, name: str) -> Callable[..., Index]:
        return lambda place="index": build(
            "index", name, {"path": tmp_path / f"{place}.sqlite", "embedder": "fake"}
        )
