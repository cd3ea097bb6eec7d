"""Starting is instant: the command line and the public face load no heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

import knowhow

HEAVY = [
    "torch", "transformers", "peft", "scipy", "sklearn", "openai", "onnxruntime", "onnx", "xllamacpp", "lancedb", "gguf",
    "sqlite3", "numpy", "jinja2", "jsonschema", "pandas",
]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        "import knowhow",
        "from knowhow.cli import main; main(['--help'])",
        "from knowhow.cli import main; main(['ask', '--help'])",
    ],
)
def test_start_loads_nothing_heavy(statement: str) -> None:
    check = f"{statement}\nimport sys\nfound = [name for name in {HEAVY!r} if name in sys.modules]\nassert not found, found"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_face_is_sorted_and_complete() -> None:
    assert list(knowhow.__all__) == sorted(knowhow.__all__, key=_ruff_order)
    for name in knowhow.__all__:
        assert getattr(knowhow, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        knowhow.nothing_here  # noqa: B018


def _ruff_order(name: str) -> tuple[int, str]:
    rank = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return rank, name
