from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from knowhow.config import (
    GroupRule,
    PartChoice,
    describe_settings,
    load_settings,
    parse_settings,
    read_format,
)
from knowhow.errors import ConfigError, NotFoundError


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "knowhow.toml").write_text("")
    settings = load_settings(tmp_path)
    assert settings.embedder.name == "minilm"
    assert settings.retrieval.k == 5
    assert settings.state == tmp_path / ".knowhow"


def test_sections_are_read(tmp_path: Path) -> None:
    settings = parse_settings(
        {
            "documents": {"rules": [{"path": "internal/*", "groups": ["staff"]}]},
            "generator": {"name": "openai", "base_url": "http://127.0.0.1:1"},
            "embedder": "fake",
            "index": {"path": "x"},
            "strategy": {"rag": {"k": 3}},
        },
        tmp_path,
    )
    assert settings.documents.rules == (GroupRule("internal/*", ("staff",)),)
    assert settings.generator == PartChoice("openai", {"base_url": "http://127.0.0.1:1"})
    assert settings.embedder.name == "fake"
    assert settings.index.name == "sqlite"
    assert settings.strategy["rag"] == {"k": 3}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"retrival": {}}, "unknown key 'retrival'. Did you mean 'retrieval'"),
        ({"retrieval": {"kk": 1}}, "unknown key 'kk'"),
        ({"retrieval": {"k": 0}}, "k must be greater than 0"),
        ({"retrieval": {"mode": "hybird"}}, "Did you mean 'hybrid'"),
        ({"effort": "fast"}, "effort must be one of"),
        ({"examples": {"held_out": 1.0}}, "must lie between 0 and 1"),
        ({"chunking": {"overlap": 200}}, "overlap must be from 0 to below tokens"),
        ({"embedder": 3}, "must be a table with a name"),
        ({"embedder": {"name": 3}}, "name must be text"),
        ({"documents": {"rules": [{"path": "x"}]}}, "needs the key 'groups'"),
    ],
)
def test_mistakes_name_file_key_and_mend(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(values, Path(), "knowhow.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("knowhow.toml")


def test_a_missing_or_broken_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="knowhow init"):
        load_settings(tmp_path)
    (tmp_path / "knowhow.toml").write_text("[a\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(tmp_path)


def test_the_schema_file_is_read_into_the_format(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text('{"type": "object"}')
    settings = parse_settings({"format": {"schema": "form.json", "max_words": 5}}, tmp_path)
    assert read_format(settings).schema == '{"type": "object"}'
    with pytest.raises(ConfigError, match="does not exist"):
        read_format(parse_settings({"format": {"schema": "none.json"}}, tmp_path))


def test_the_description_is_json_without_machine_paths(tmp_path: Path) -> None:
    described = describe_settings(
        parse_settings({"documents": {"rules": [{"path": "a", "groups": ["b"]}]}}, tmp_path)
    )
    assert described["documents"]["rules"] == [{"path": "a", "groups": ["b"]}]
    assert str(tmp_path) not in str(described)
