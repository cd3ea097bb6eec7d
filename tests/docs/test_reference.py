"""The generated reference is what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PRINT = "import sys, json; sys.path.insert(0, 'docs'); import build_reference; print(json.dumps(build_reference.build_pages()))"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    import json

    # A process of its own: parts that other tests registered must not stand in the reference.
    done = subprocess.run(
        [sys.executable, "-c", _PRINT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "parts.md"])
def test_the_committed_page_is_the_generated_one(pages: dict[str, str], name: str) -> None:
    committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert committed == pages[name], "run `make docs` and commit the result"
