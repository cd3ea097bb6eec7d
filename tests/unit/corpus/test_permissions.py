from typing import Any

import pytest

from knowhow.config import GroupRule
from knowhow.corpus.content import LoadError
from knowhow.corpus.permissions import (
    combine_groups,
    parse_groups,
    parse_sidecar,
    parse_statement,
    rule_groups,
)
from knowhow.globs import matches_glob

S, L, H = frozenset({"staff"}), frozenset({"legal"}), frozenset({"staff", "hr"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("staff", S),
        (["staff"], S),
        (["staff", "hr"], H),
        ("card services", frozenset({"card services"})),
        (["职员"], frozenset({"职员"})),
    ],
)
def test_groups_are_a_name_or_a_list_of_names(value: Any, expected: frozenset[str]) -> None:
    assert parse_groups(value, "row") == expected


@pytest.mark.parametrize(
    "value",
    [[], "", " ", None, 5, True, ["staff", ""], ["staff", 7], ["staff", None], [["staff"]], {"a": 1}, "staff, hr",
     "staff;hr", ["a|b"], [" staff"], "staff\n"],
)  # fmt: skip
def test_malformed_groups_fail_closed(value: Any) -> None:
    with pytest.raises(LoadError) as caught:
        parse_groups(value, "front matter")
    assert caught.value.kind == "groups"
    assert "out of the index" in str(caught.value)


@pytest.mark.parametrize("key", ["group", "Groups", "gruops", "groups ", "GROUPS"])
def test_a_near_miss_of_the_key_fails_closed(key: str) -> None:
    with pytest.raises(LoadError, match="groups"):
        parse_statement({key: ["staff"]}, "front matter")


def test_other_front_matter_is_metadata() -> None:
    stated = parse_statement(
        {
            "title": "Fees",
            "owner": "Ops",
            "year": 2025,
            "groups": ["staff"],
            "tags": ["a"],
            "metadata": {"x": 1},
        },
        "front matter",
    )
    assert (stated.groups, stated.title) == (S, "Fees")
    assert stated.metadata == {"owner": "Ops", "year": "2025", "x": "1"}


def test_a_sidecar_is_strict() -> None:
    assert parse_sidecar(b'groups = ["staff"]\ntitle = "T"\n[metadata]\nowner = "Ops"').groups == S
    for broken in (b'group = ["staff"]', b"groups = [", b'readers = ["staff"]', b"\xff\xfe", b"groups = 3"):
        with pytest.raises(LoadError) as caught:
            parse_sidecar(broken)
        assert caught.value.kind == "groups"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], frozenset()),
        ([None, None], frozenset()),
        ([S, None], S),
        ([S, H], S),
        ([H, None, H], H),
        ([None, H, frozenset({"hr", "legal"})], frozenset({"hr"})),
    ],
)
def test_statements_can_only_narrow(
    statements: list[frozenset[str] | None], expected: frozenset[str]
) -> None:
    assert combine_groups(statements) == expected


def test_a_contradiction_leaves_nobody_and_fails_closed() -> None:
    with pytest.raises(LoadError, match="staff against legal"):
        combine_groups([S, L])


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("internal/a.md", "internal/*", True),
        ("internal/deep/a.md", "internal/*", True),
        ("internal/deep/a.md", "internal/**", True),
        ("internal/deep/a.md", "internal/", True),
        ("internal/deep/a.md", "internal", True),
        ("internals/a.md", "internal", False),
        ("a/internal/b.md", "internal", False),
        ("a/internal/b.md", "**/internal/**", True),
        ("internal/b.md", "**/internal/**", True),
        ("hr.md", "*.md", True),
        ("x/hr.md", "*.md", False),
        ("x/hr.md", "**/*.md", True),
        ("hr.md", "**/*.md", True),
        ("hrxmd", "hr.md", False),
        ("h1.md", "h?.md", True),
    ],
)
def test_globs(path: str, pattern: str, expected: bool) -> None:
    assert matches_glob(path, pattern) is expected


def test_every_matching_rule_counts() -> None:
    rules = [
        GroupRule("internal/**", ("staff", "hr")),
        GroupRule("internal/hr/**", ("hr",)),
        GroupRule("x", ("y",)),
    ]
    assert rule_groups("internal/hr/pay.md", rules) == [H, frozenset({"hr"})]
    assert combine_groups(rule_groups("internal/hr/pay.md", rules)) == frozenset({"hr"})
    assert rule_groups("public/a.md", rules) == []
