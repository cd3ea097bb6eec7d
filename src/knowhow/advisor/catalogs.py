"""Find every message of a package and compile its catalogs: `python -m knowhow.advisor.catalogs` (needs babel, a development tool).

`.po` files under locale/ are the source; the `.mo` files beside them are compiled from them and shipped.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowhow.storage import write_bytes

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

FOLDER = Path(__file__).parent
LANGUAGES = ("zh_Hans", "ja")
_DATE = datetime(2026, 11, 21, tzinfo=UTC)
"""Fixed, so that equal messages give equal files."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The messages of one package: `say("...")` in its modules and `t("...")` in its templates, catalogs in its folder locale/."""

    folder: Path
    name: str


ADVISOR = Domain(FOLDER, "advisor")


def find_messages(domain: Domain = ADVISOR) -> dict[str, str]:
    """Return every message marked for translation, in order of file and line, with the file that holds it."""
    found: dict[str, str] = {}
    for path in sorted(domain.folder.glob("*.py")):
        for message in _messages_of(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(message, path.name)
    for path in sorted(domain.folder.glob("templates/*.html")):
        for message in _messages_in(path.read_text(encoding="utf-8")):
            found.setdefault(message, path.name)
    return found


def catalog_path(language: str, domain: Domain = ADVISOR) -> Path:
    """Return the path of a language's source catalog."""
    return domain.folder / "locale" / language / "LC_MESSAGES" / f"{domain.name}.po"


def read_catalog(language: str, domain: Domain = ADVISOR) -> Catalog:
    """Return a language's source catalog."""
    from babel.messages.pofile import read_po

    with catalog_path(language, domain).open("rb") as file:
        return read_po(file, locale=language)


def compile_catalog(language: str, domain: Domain = ADVISOR) -> bytes:
    """Return the compiled catalog; equal sources give equal bytes."""
    from io import BytesIO

    from babel.messages.mofile import write_mo

    buffer = BytesIO()
    write_mo(buffer, read_catalog(language, domain))
    return buffer.getvalue()


def update_catalog(language: str, domain: Domain = ADVISOR) -> tuple[int, int]:
    """Put new messages into the source catalog, drop unused ones, compile; return how many are translated and how many there are."""
    from io import BytesIO

    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    path = catalog_path(language, domain)
    known = read_catalog(language, domain) if path.exists() else Catalog(locale=language)
    fresh = Catalog(
        locale=language,
        project="knowhow-ai",
        version=domain.name,
        header_comment=f"# Words of the {domain.name} in {language}; same license as knowhow-ai.",
        msgid_bugs_address="none",
        last_translator="KnowHow authors",
        language_team="KnowHow authors",
        creation_date=_DATE,
        revision_date=_DATE,
        charset="utf-8",
        fuzzy=False,
    )
    messages = find_messages(domain)
    for message, module in messages.items():
        old = known.get(message)
        fresh.add(message, string=old.string if old else "", locations=[(module, 0)])
    buffer = BytesIO()
    write_po(buffer, fresh, width=0, include_lineno=False, omit_header=False)
    write_bytes(path, buffer.getvalue())
    write_bytes(path.with_suffix(".mo"), compile_catalog(language, domain))
    done = sum(bool(item.string) for item in fresh if item.id)
    return done, len(messages)


def main(domain: Domain = ADVISOR) -> int:
    """Update and compile all catalogs of a domain; 1 when a message lacks its translation."""
    is_complete = True
    for language in LANGUAGES:
        done, total = update_catalog(language, domain)
        print(f"{language}: {done} of {total} messages")
        is_complete = is_complete and done == total
    return 0 if is_complete else 1


def _messages_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "say"
            and node.args
        ):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _messages_in(template: str) -> Iterator[str]:
    """The words of every t(...) of a template; `t("one" if count == 1 else "many")` holds two."""
    from jinja2 import Environment, nodes

    for call in Environment().parse(template).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args:
            yield from _words_of(call.args[0])


def _words_of(node: Any) -> Iterator[str]:
    from jinja2 import nodes

    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _words_of(node.expr1)
        yield from _words_of(node.expr2)


if __name__ == "__main__":
    sys.exit(main())
