"""Rewrite the tree in ARCHITECTURE.md from the modules and the first sentence of each docstring: `make docs`."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "knowhow"
PAGE = ROOT / "ARCHITECTURE.md"
WIDTH = 28


def draw_tree() -> str:
    """Return the tree of src/knowhow, packages before the modules they hold, with what each says about itself."""
    lines = ["src/", "  knowhow/"]
    lines += _draw(PACKAGE, "    ")
    return "\n".join(lines)


def _draw(folder: Path, indent: str) -> list[str]:
    lines = []
    for path in sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name)):
        if path.suffix == ".py" and path.name not in {"__init__.py", "__main__.py"}:
            lines.append(_line(indent, path.name, path))
        elif (path / "__init__.py").exists():
            lines.append(_line(indent, f"{path.name}/", path / "__init__.py"))
            lines += _draw(path, indent + "  ")
    return lines


def _line(indent: str, name: str, source: Path) -> str:
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    first = " ".join(docstring.split("\n\n")[0].split())
    return f"{indent}{name:<{WIDTH - len(indent)}} {first}".rstrip()


def main() -> int:
    """Replace the ```tree block; return 0."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        re.sub(r"```tree\n.*?```", lambda _: f"```tree\n{draw_tree()}\n```", text, count=1, flags=re.DOTALL),
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
