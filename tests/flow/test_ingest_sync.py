import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flow.ingest_process import count_words

from knowhow.config import ChunkingSettings, DocumentSettings, GroupRule
from knowhow.corpus import writing
from knowhow.corpus.sync import Corpus
from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.progress import set_quiet
from knowhow.protocols import Embedder
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.storage import locked
from knowhow.testing.fakes import FakeEmbedder


class World:
    """A documents folder, its index, and how often a model was made."""

    def __init__(self, root: Path) -> None:
        self.documents, self.index = root / "documents", SqliteIndex(root / "index.sqlite", "fake")
        self.documents.mkdir()
        self.embedders = 0
        self.corpus = Corpus(
            self.documents,
            root / "state" / "ingest.jsonl",
            self.make_embedder,
            lambda: count_words,
            workers=1,
        )

    def make_embedder(self) -> Embedder:
        self.embedders += 1
        return FakeEmbedder()

    def write(self, name: str, text: str | bytes) -> None:
        path = self.documents / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def ids(self) -> list[str]:
        return [record.id for record in self.index.records()]

    def readers(self) -> dict[str, set[str]]:
        return {record.id: set(record.groups) for record in self.index.records()}

    def texts(self) -> list[str]:
        return [chunk.text for chunk in self.index.chunks()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    set_quiet(True)
    opened = World(tmp_path)
    yield opened
    opened.index.close()
    set_quiet(False)


def test_a_folder_comes_in_and_stays_in_step(world: World) -> None:
    world.write("a.md", "# Fees\n\nA card costs five dollars.")
    world.write("b.txt", "Opening hours are nine to five.")
    first = world.corpus.sync(world.index)
    assert (first.added, first.changed, first.deleted, first.unchanged, first.chunks) == (2, 0, 0, 0, 2)
    assert first.version == world.index.version
    world.write("a.md", "# Fees\n\nA card costs six dollars.")
    (world.documents / "b.txt").rename(world.documents / "c.txt")
    second = world.corpus.sync(world.index)
    assert (second.added, second.changed, second.deleted, second.unchanged) == (1, 1, 1, 0)
    assert world.ids() == ["a.md", "c.txt"]
    assert world.texts() == ["# Fees\n\nA card costs six dollars.", "Opening hours are nine to five."]


def test_an_unchanged_folder_costs_no_model_and_no_version(world: World) -> None:
    for number in range(5):
        world.write(f"{number}.md", f"# Document {number}\n\nText number {number}.")
    world.write("broken.docx", "no archive")
    world.corpus.sync(world.index)
    version, made = world.index.version, world.embedders
    again = world.corpus.sync(world.index)
    assert (again.unchanged, again.added, again.chunks, again.version) == (5, 0, 0, version)
    assert [problem.source for problem in again.problems] == ["broken.docx"]
    assert (made, world.embedders) == (1, 1)


def test_a_touched_file_is_recognised_by_its_content(world: World) -> None:
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    os.utime(world.documents / "a.md", (1e9, 1e9))
    assert world.corpus.sync(world.index).unchanged == 1
    assert world.corpus.sync(world.index).unchanged == 1
    assert world.embedders == 1


def test_a_lost_cache_costs_reading_only(world: World) -> None:
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    world.corpus.state.write_text("damaged {\n")
    result = world.corpus.sync(world.index)
    assert (result.unchanged, result.chunks, world.embedders) == (1, 0, 1)


def test_a_cache_that_outlived_its_index_is_not_believed(world: World, tmp_path: Path) -> None:
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    fresh = SqliteIndex(tmp_path / "other.sqlite", "fake")
    assert world.corpus.sync(fresh).added == 1
    fresh.close()


def test_changed_settings_read_everything_again(world: World) -> None:
    world.write("a.md", "One two three. Four five six. Seven eight nine.")
    world.corpus.sync(world.index)
    smaller = replace(world.corpus, chunking=ChunkingSettings(tokens=3))
    assert smaller.sync(world.index).changed == 1
    assert len(world.texts()) == 3
    other = replace(smaller, identity="another tokenizer")
    assert other.sync(world.index).changed == 1
    assert other.sync(world.index).unchanged == 1


def test_rebuild_writes_everything_anew(world: World) -> None:
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    assert world.corpus.sync(world.index, rebuild=True).changed == 1
    assert world.embedders == 2


def test_json_lines_change_by_row(world: World) -> None:
    world.write(
        "faq.jsonl", '{"id": "a", "text": "One."}\n{"id": "b", "text": "Two."}\n{"id": "c", "text": "Three."}'
    )
    world.corpus.sync(world.index)
    assert world.ids() == ["faq.jsonl#a", "faq.jsonl#b", "faq.jsonl#c"]
    world.write(
        "faq.jsonl",
        '{"id": "c", "text": "Three."}\n{"id": "b", "text": "Two, changed."}\n{"id": "d", "text": "Four."}',
    )
    result = world.corpus.sync(world.index)
    assert (result.added, result.changed, result.deleted, result.unchanged, result.chunks) == (1, 1, 1, 1, 2)
    assert world.ids() == ["faq.jsonl#b", "faq.jsonl#c", "faq.jsonl#d"]
    assert world.corpus.sync(world.index).unchanged == 3


def test_broken_files_cost_one_problem_each_and_never_stop_the_batch(world: World) -> None:
    world.write("a.md", "Good.")
    world.write("b.pdf", b"%PDF-1.4 broken")
    world.write("c.xlsx", b"PK\x03\x04 broken")
    world.write("d.bin", "unknown")
    world.write("e.txt", "")
    world.write("f.md", "Also good.")
    result = world.corpus.sync(world.index)
    assert world.ids() == ["a.md", "f.md"]
    assert [(problem.source, problem.kind) for problem in result.problems] == [
        ("b.pdf", "malformed"), ("c.xlsx", "malformed"), ("d.bin", "unsupported"), ("e.txt", "empty"),
    ]  # fmt: skip
    assert all(problem.reason and problem.mend for problem in result.problems)


def test_a_file_that_breaks_leaves_no_ghost(world: World) -> None:
    world.write("a.csv", "Name,Price\nCard,5")
    world.write("b.md", "Stays.")
    world.corpus.sync(world.index)
    world.write("a.csv", bytes(range(256)) * 50)
    result = world.corpus.sync(world.index)
    assert (result.deleted, [problem.kind for problem in result.problems]) == (1, ["binary"])
    assert world.ids() == ["b.md"]


def test_readers_come_from_every_statement(world: World) -> None:
    world.write("public.md", "For all.")
    world.write("front.md", "---\ngroups: [staff, hr]\n---\nFor some.")
    world.write("side.txt", "For few.")
    world.write("side.txt.meta.toml", 'groups = ["hr"]\ntitle = "Side"')
    world.write("internal/rule.md", "By rule.")
    world.write("internal/both.md", "---\ngroups: [hr, legal]\n---\nBy both.")
    world.write("internal/none.md", "---\ngroups: [legal]\n---\nContradiction.")
    rules = (GroupRule("internal/**", ("staff", "hr")),)
    result = replace(world.corpus, documents=DocumentSettings(rules=rules)).sync(world.index)
    assert world.readers() == {
        "public.md": set(),
        "front.md": {"staff", "hr"},
        "side.txt": {"hr"},
        "internal/rule.md": {"staff", "hr"},
        "internal/both.md": {"hr"},
    }
    assert [(problem.source, problem.kind) for problem in result.problems] == [("internal/none.md", "groups")]
    assert [record.title for record in world.index.records() if record.id == "side.txt"] == ["Side"]


@pytest.mark.parametrize(
    "narrow",
    [
        lambda world: world.write("a.md.meta.toml", 'groups = ["staff"]'),
        lambda world: world.write("a.md", "---\ngroups: [staff]\n---\nSecret."),
    ],
)
def test_narrowed_readers_take_effect(world: World, narrow: Callable[[World], None]) -> None:
    world.write("a.md", "Secret.")
    world.corpus.sync(world.index)
    assert world.readers() == {"a.md": set()}
    narrow(world)
    world.corpus.sync(world.index)
    assert world.readers() == {"a.md": {"staff"}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md.meta.toml", 'groups = "staff, hr"'),
        ("a.md.meta.toml", "groups = ["),
        ("a.md", "---\ngroups: {}\n---\nSecret."),
    ],
)
def test_readers_in_doubt_take_the_document_out(world: World, name: str, content: str) -> None:
    world.write("a.md", "Secret.")
    world.write("b.md", "Public.")
    world.corpus.sync(world.index)
    world.write(name, content)
    result = world.corpus.sync(world.index)
    assert world.ids() == ["b.md"]
    assert [problem.kind for problem in result.problems] == ["groups"]


def test_no_control_character_reaches_the_index(world: World) -> None:
    world.write("a.md", '---\ntitle: "Fe\\x00es"\nowner: "O\\u200bps\\e"\n---\n# He\x07ad\n\nTe\x00xt.')
    world.write("b.jsonl", json.dumps({"id": "x\x00y", "title": "T\x1b", "text": "B\x00ody."}))
    world.corpus.sync(world.index)
    for record in world.index.records():
        whole = world.index.document(record.id)
        said = [
            whole.id,
            whole.title,
            whole.text,
            *whole.metadata.values(),
            *(n for r in whole.regions for n in r.heading),
        ]
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b]", "".join(said))
    assert world.ids() == ["a.md", "b.jsonl#xy"]


def test_text_is_masked_before_it_is_cut(world: World) -> None:
    world.write("a.md", "# Call 555\n\nNumber 555.\n\n## More 555\n\nEnd 555.")
    masked = replace(world.corpus, mask=lambda text: text.replace("555", "[PHONE]"), identity="mask")
    masked.sync(world.index)
    assert "555" not in "".join(world.texts())
    for chunk in world.index.chunks():
        assert chunk.text == world.index.document("a.md").text[chunk.start : chunk.end]
        assert "555" not in "".join(chunk.heading) + chunk.title
    assert "555" not in world.index.document("a.md").text


def test_an_empty_or_vanished_folder_never_wipes_the_index(world: World) -> None:
    with pytest.raises(DataError, match=r"is empty.*\.md"):
        world.corpus.sync(world.index)
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    (world.documents / "a.md").unlink()
    with pytest.raises(DataError, match=r"nothing was deleted.*--allow-empty"):
        world.corpus.sync(world.index)
    assert world.ids() == ["a.md"]
    world.documents.rmdir()
    with pytest.raises(NotFoundError, match="does not exist"):
        world.corpus.sync(world.index, allow_empty=True)
    assert world.ids() == ["a.md"]
    world.documents.mkdir()
    assert world.corpus.sync(world.index, allow_empty=True).deleted == 1
    assert world.ids() == []


def test_two_ingests_do_not_run_at_once(world: World) -> None:
    world.write("a.md", "Text.")
    with (
        locked(Path(f"{world.corpus.state}.lock"), purpose="ingest"),
        pytest.raises(PolicyError, match="ingest"),
    ):
        world.corpus.sync(world.index)


def test_many_batches_give_the_same_index_as_one(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        world.write(
            f"{number}.md", "\n\n".join(f"# Part {part}\n\nText {number} {part}." for part in range(4))
        )
    world.write("rows.jsonl", "\n".join(f'{{"id": {n}, "text": "Row {n}."}}' for n in range(40)))
    world.corpus.sync(world.index)
    monkeypatch.setattr(writing, "MAX_CHUNKS", 7)
    other = SqliteIndex(tmp_path / "other.sqlite", "fake")
    replace(world.corpus, state=tmp_path / "other.jsonl").sync(other)
    assert list(other.chunks()) == list(world.index.chunks())
    assert [replace(r, ingested="") for r in other.records()] == [
        replace(r, ingested="") for r in world.index.records()
    ]
    other.close()


def test_batches_stay_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Counting(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            sizes.append(len(texts))
            assert [len(text) for text in texts] == sorted(len(text) for text in texts)
            return super().embed(texts)

    monkeypatch.setattr(writing, "MAX_CHUNKS", 10)
    for number in range(60):
        world.write(f"{number}.txt", f"Text {'long ' * (number % 7)}{number}.")
    replace(world.corpus, embedder=Counting).sync(world.index)
    assert max(sizes) <= 10
    assert sum(sizes) == 60


def test_readers_see_whole_documents_while_ingest_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_CHUNKS", 5)
    reader = SqliteIndex(tmp_path / "index.sqlite", "fake")

    def write(generation: str) -> None:
        for number in range(12):
            world.write(
                f"{number}.md", "\n\n".join(f"# Part {part}\n\nState {generation}." for part in range(3))
            )

    seen: list[set[str]] = []

    class Watching(FakeEmbedder):
        def embed(self, texts):  # type: ignore[no-untyped-def]
            by_document: dict[str, set[str]] = {}
            for chunk in reader.chunks():
                by_document.setdefault(chunk.document_id, set()).add(chunk.text.split("State ")[1])
            assert all(len(states) == 1 for states in by_document.values())
            seen.append({state for states in by_document.values() for state in states})
            return super().embed(texts)

    write("old")
    world.corpus.sync(world.index)
    write("new")
    replace(world.corpus, embedder=Watching).sync(world.index)
    assert {"old.", "new."} in seen
    assert {chunk.text.split("State ")[1] for chunk in reader.chunks()} == {"new."}
    reader.close()


def test_watching_ingests_changes_and_outlives_errors(world: World) -> None:
    world.write("a.md", "Text.")
    world.corpus.sync(world.index)
    timers = [
        threading.Timer(1.0, world.write, ("a.md.meta.toml", "groups = [")),
        threading.Timer(3.0, (world.documents / "a.md.meta.toml").unlink),
        threading.Timer(3.0, world.write, ("b.md", "More.")),
    ]
    for timer in timers:
        timer.start()
    problems: list[str] = []
    rounds = world.corpus.watch(world.index)
    for result in rounds:
        problems += [problem.kind for problem in result.problems]
        if world.ids() == ["a.md", "b.md"]:
            break
    assert "folder" in problems or "groups" in problems
    for timer in timers:
        timer.join()
