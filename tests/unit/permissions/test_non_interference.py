"""Nobody sees anything of what they may not read, and what they may not read changes nothing that they see."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.permissions.world import (
    Looker,
    World,
    count_equal,
    count_leaks,
    find_leaks,
    make_index,
    make_world,
    put,
    secret,
)

from knowhow.types import Query


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Looker]:
    folder = tmp_path_factory.mktemp("small")
    world = make_world(1, 200)
    return world, Looker(make_index(folder / "all.sqlite", world.documents), folder)


def test_no_leak_by_any_path(small: tuple[World, Looker]) -> None:
    assert count_leaks(*small, queries=80, seed=1) == (480, 0)


def test_hidden_documents_change_nothing(small: tuple[World, Looker], tmp_path: Path) -> None:
    assert count_equal(*small, tmp_path, pairs=40, seed=2) == (40, 40)


def test_the_search_for_leaks_finds_one(small: tuple[World, Looker], tmp_path: Path) -> None:
    world, _ = small
    opened = World(tuple(replace(document, groups=frozenset()) for document in world.documents), world.people)
    broken = Looker(make_index(tmp_path / "open.sqlite", opened.documents), tmp_path)
    checks, leaks = count_leaks(world, broken, queries=20, seed=1)
    assert (checks, leaks > 60) == (120, True)
    _, equal = count_equal(world, broken, tmp_path, pairs=20, seed=2)
    assert equal < 5
    assert find_leaks("a zk00001qv b", Query("x"), [secret(1), secret(2)]) == [secret(1)]
    assert find_leaks("a zk00001qv b", Query("zk00001qv"), [secret(1)]) == []


@pytest.mark.parametrize("cycles", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_revocation_counts_at_the_next_question(tmp_path: Path, cycles: int) -> None:
    world = make_world(3, 60)
    index = make_index(tmp_path / "index.sqlite", world.documents)
    looker = Looker(index, tmp_path)
    document = replace(world.documents[0], groups=frozenset({"board"}))
    query = Query(document.text.split("\n")[0], frozenset({"board"}))
    stop = threading.Event()
    asked = []

    def ask() -> None:
        while not stop.is_set():
            asked.append(len(looker.look("cached", [query])))

    others = [threading.Thread(target=ask) for _ in range(4)]
    for thread in others:
        thread.start()
    try:
        stale = 0
        for cycle in range(cycles):
            groups = frozenset({"board"}) if cycle % 2 else frozenset({"elsewhere"})
            put(index, [replace(document, groups=groups)])
            shown = [looker.look(path, [query]) for path in ("hybrid", "cached", "answered")]
            stale += (document.id in repr(shown)) != bool(cycle % 2)
    finally:
        stop.set()
        for thread in others:
            thread.join()
    assert stale == 0
    assert asked


@pytest.mark.slow
def test_twelve_thousand_checks_and_two_hundred_pairs(tmp_path: Path) -> None:
    world = make_world(7, 2500)
    looker = Looker(make_index(tmp_path / "all.sqlite", world.documents), tmp_path)
    assert count_leaks(world, looker, queries=2000, seed=7) == (12_000, 0)
    assert count_equal(world, looker, tmp_path, pairs=200, seed=8) == (200, 200)
