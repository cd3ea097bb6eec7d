from __future__ import annotations

import sys
import types
from dataclasses import dataclass

import pytest

from knowhow.errors import ConfigError, MissingDependencyError
from knowhow.privacy.presidio import build_presidio
from knowhow.privacy.recognisers import find_personal_data


def test_without_the_extra_the_error_holds_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'knowhow-ai\[presidio\]'"):
        build_presidio()


@dataclass
class Result:
    entity_type: str
    start: int
    end: int


class Analyzer:
    def analyze(self, text: str, **_: object) -> list[Result]:
        return [Result("PERSON", text.index("Ada"), text.index("Ada") + 12)]


def install(monkeypatch: pytest.MonkeyPatch, *, has_model: bool) -> None:
    analyzer, spacy, util = (
        types.ModuleType("presidio_analyzer"),
        types.ModuleType("spacy"),
        types.ModuleType("spacy.util"),
    )
    analyzer.AnalyzerEngine = Analyzer  # type: ignore[attr-defined]
    util.is_package = lambda name: has_model  # type: ignore[attr-defined]
    spacy.util = util  # type: ignore[attr-defined]
    for module in (analyzer, spacy, util):
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_no_model_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, has_model=False)
    with pytest.raises(ConfigError, match="en_core_web_lg"):
        build_presidio()


def test_its_findings_join_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, has_model=True)
    found = find_personal_data("then Ada Lovelace, ada@example.com", recognisers=build_presidio())
    assert [(item.kind, item.text) for item in found] == [
        ("name", "Ada Lovelace"),
        ("email", "ada@example.com"),
    ]
