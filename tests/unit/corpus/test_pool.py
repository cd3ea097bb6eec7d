import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowhow.corpus.pool import Limits, Parsed, ParserPool, Task

MODULE = "tests.unit.corpus.hostile.hostile_loaders"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ParserPool]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with ParserPool(
        1, Limits(timeout_seconds=5, memory_megabytes=600, max_megabytes=0.01), (MODULE,)
    ) as opened:
        yield opened


def run(pool: ParserPool, folder: Path, *commands: str) -> list[Parsed]:
    tasks = []
    for number, command in enumerate(commands):
        path = folder / f"{number}.hostile"
        path.write_text(command)
        tasks.append(Task(str(path), path.name, "hostile"))
    results = list(pool.parse(tasks))
    assert [task for task, _ in results] == tasks
    return [parsed for _, parsed in results]


def text(parsed: Parsed) -> str:
    assert parsed.problems == []
    return str(parsed.documents[0]["text"])


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("hang", "timeout"),
        ("spin", "timeout"),
        ("segfault", "crashed"),
        ("exit", "crashed"),
        ("raise", "malformed"),
        ("recurse", "malformed"),
        ("connect", "malformed"),
    ],
)
def test_a_hostile_file_costs_only_itself(pool: ParserPool, tmp_path: Path, command: str, kind: str) -> None:
    before, broken, after, last = run(pool, tmp_path, "fine", command, "still fine", "and on")
    assert text(before).endswith("fine")
    assert [problem["kind"] for problem in broken.problems] == [kind]
    assert broken.documents == ()
    assert all(broken.problems[0][key] for key in ("reason", "mend"))
    assert text(after).endswith("still fine")
    assert text(before).split(":")[0] != text(after).split(":")[0]
    assert text(after).split(":")[0] == text(last).split(":")[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a limit of address space")
def test_memory_is_limited(pool: ParserPool, tmp_path: Path) -> None:
    hungry, after = run(pool, tmp_path, "memory", "fine")
    assert [problem["kind"] for problem in hungry.problems] == ["memory"]
    assert "memory_megabytes" in hungry.problems[0]["mend"]
    assert text(after).endswith("fine")


def test_the_network_is_out_of_reach(pool: ParserPool, tmp_path: Path) -> None:
    (parsed,) = run(pool, tmp_path, "connect")
    assert "network" in parsed.problems[0]["reason"]


def test_what_a_parser_prints_does_not_disturb(pool: ParserPool, tmp_path: Path) -> None:
    noisy, after = run(pool, tmp_path, "noise", "fine")
    assert text(noisy).endswith("noise")
    assert text(after).endswith("fine")


def test_a_large_file_is_refused_unread(pool: ParserPool, tmp_path: Path) -> None:
    (parsed,) = run(pool, tmp_path, "x" * 10_001)
    assert parsed.problems[0]["kind"] == "too_large"


def test_a_file_that_vanished_is_a_problem(pool: ParserPool, tmp_path: Path) -> None:
    ((_, parsed),) = pool.parse([Task(str(tmp_path / "gone.hostile"), "gone.hostile", "hostile")])
    assert parsed.problems[0]["kind"] == "unreadable"


def test_children_are_reused_and_end_with_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with ParserPool(2, Limits(), (MODULE,)) as pool:
        found = {text(parsed).split(":")[0] for parsed in run(pool, tmp_path, *["fine"] * 40)}
    assert 1 <= len(found) <= 2
    for name in found:
        with pytest.raises(ProcessLookupError):
            os.kill(int(name.removeprefix("pid ")), 0)


def test_results_come_in_order_while_later_files_are_parsed(pool: ParserPool, tmp_path: Path) -> None:
    results = run(pool, tmp_path, *[f"file {number}" for number in range(30)])
    assert [text(parsed).split(": ")[1] for parsed in results] == [f"file {number}" for number in range(30)]


@pytest.mark.timeout(60)
def test_stopping_early_does_not_wait_for_a_file_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    tasks = []
    for number in range(20):
        path = tmp_path / f"{number}.hostile"
        path.write_text("fine" if number == 0 else "hang")
        tasks.append(Task(str(path), path.name, "hostile"))
    with ParserPool(1, Limits(timeout_seconds=500), (MODULE,)) as pool:
        results = pool.parse(tasks)
        assert text(next(results)[1]).endswith("fine")
        results.close()
