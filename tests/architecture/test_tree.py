"""ARCHITECTURE.md draws the tree that is really there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "knowhow"


def _drawn() -> set[str]:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    block = re.search(r"```tree\n(.*?)```", text, re.DOTALL)
    assert block, "ARCHITECTURE.md has no ```tree block"
    stack: list[tuple[int, str]] = []
    paths = set()
    for line in block.group(1).splitlines():
        match = re.match(r"( *)([\w.\-]+/?)(?:\s|$)", line)
        if not match:
            continue
        depth, name = len(match.group(1)), match.group(2)
        while stack and stack[-1][0] >= depth:
            stack.pop()
        stack.append((depth, name.rstrip("/")))
        paths.add("/".join(part for _, part in stack))
    return paths


def test_everything_drawn_exists() -> None:
    missing = sorted(path for path in _drawn() if not (ROOT / path).exists())
    assert missing == []


def test_every_module_and_package_is_drawn() -> None:
    drawn = _drawn()
    real = {
        path.relative_to(ROOT).as_posix()
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*")]
        if path.name not in {"__init__.py", "__main__.py"}
        and "__pycache__" not in path.parts
        and (path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists()))
    }
    assert sorted(real - drawn) == []
