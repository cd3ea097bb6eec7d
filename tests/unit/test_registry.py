from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from knowhow import registry
from knowhow.errors import ConfigError, NotFoundError


@dataclass(frozen=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True)
class Part:
    size: int
    ratio: float = 0.5
    mode: Literal["fast", "exact"] = "fast"
    names: tuple[str, ...] = ()
    limit: int | None = None
    inner: Inner = Inner()
    is_on: bool = True


def test_options_are_coerced_to_field_types() -> None:
    options = {"size": 2, "ratio": 1, "names": ["a"], "limit": None, "inner": {"depth": 3}}
    assert registry.check_options(Part, options, "[part]") == {
        "size": 2, "ratio": 1.0, "names": ("a",), "limit": None, "inner": Inner(3),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 1, "sise": 2}, "unknown key 'sise'. Did you mean 'size'"),
        ({}, "needs the key 'size'"),
        ({"size": "2"}, "size must be a whole number, not '2'"),
        ({"size": True}, "size must be a whole number"),
        ({"size": 1, "mode": "exakt"}, "Did you mean 'exact'"),
        ({"size": 1, "names": "a"}, "names must be a list"),
        ({"size": 1, "names": ["a", 3]}, "names must be text, not 3"),
        ({"size": 1, "limit": "x"}, "limit must be a whole number"),
        ({"size": 1, "inner": {"dept": 3}}, "inner has an unknown key 'dept'"),
        ({"size": 1, "inner": 3}, "inner must be a table"),
        ({"size": 1, "is_on": 1}, "is_on must be true or false"),
    ],
)
def test_wrong_options_name_key_and_mend(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.check_options(Part, options, "[part]")
    assert message in str(caught.value)
    assert "[part]" in str(caught.value)


def test_parts_are_found_and_built_by_name() -> None:
    registry.register("strategy", "registry_test_part")(Part)
    try:
        assert registry.find("strategy", "registry_test_part") is Part
        assert "registry_test_part" in registry.names("strategy")
        assert registry.build("strategy", "registry_test_part", {"size": 3}) == Part(3)
        with pytest.raises(ConfigError, match="Two parts are registered"):
            registry.register("strategy", "registry_test_part")(Inner)
    finally:
        registry._parts["strategy"].pop("registry_test_part")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="Unknown kind of part 'strategi'. Did you mean 'strategy'"):
        registry.names("strategi")
    with pytest.raises(NotFoundError, match="Unknown index 'sqlte'"):
        registry.find("index", "sqlte")
