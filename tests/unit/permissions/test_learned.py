"""What is learned from restricted documents: nothing by default, and where it is allowed, only for those who may read all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.deletion.learners import compare

from knowhow.errors import ConfigError
from knowhow.strategies.audience import NOT_PERMITTED, AudiencePipeline, read_audiences
from knowhow.testing.fakes import FakeRetriever
from knowhow.training.adapters import read_manifest
from knowhow.training.pairs import build_pairs
from knowhow.types import Answer, Chunk, Evidence, Example, Query
from knowhow.workspace import Workspace
from knowhow.workspace.release import ReleaseOrder

GROUPS = (frozenset(), frozenset({"staff"}), frozenset({"staff", "legal"}), frozenset({"board"}))


def make(root: Path, training: str = "") -> Path:
    """Forty documents, every fourth for each of the audiences above; examples rest on them, half without saying for whom they are."""
    for number in range(40):
        groups = GROUPS[number % 4]
        folder = root / "documents" / ("-".join(sorted(groups)) or "public")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"d{number:02d}.md").write_text(
            f"The locker number {number} of clerk {number * 7} has the word zk{number:02d}qv."
        )
    rows = [
        {
            "id": f"e{number:02d}",
            "question": f"What word has the locker number {number} of clerk {number * 7}?",
            "answer": f"zk{number:02d}qv",
            "evidence": [f"d{number:02d}.md"],
            **({"groups": sorted(GROUPS[number % 4])} if number % 8 < 4 else {}),
        }
        for number in range(40)
    ]
    (root / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rules = ", ".join(
        f'{{ path = "{"-".join(sorted(groups))}/**", groups = {json.dumps(sorted(groups))} }}'
        for groups in GROUPS
        if groups
    )
    (root / "knowhow.toml").write_text(
        f'[documents]\nrules = [{rules}]\n[embedder]\nname = "fake"\n[generator]\nname = "fake"\n{training}'
    )
    with Workspace(root) as workspace:
        workspace.ingest()
    return root


def learned(root: Path, strategy: str) -> tuple[Path, set[int]]:
    """Train, and return the folder and the numbers of all documents whose word lies in it."""
    with Workspace(root) as workspace:
        folder = workspace.train(strategy)[strategy]
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    return folder, {number for number in range(40) if f"zk{number:02d}qv" in text}


@pytest.mark.parametrize("extra", ["", "[strategy.scholar]\nis_grounded = false\n"])
@pytest.mark.parametrize("strategy", ["scholar", "few_shot"])
def test_by_default_only_public_words_are_learned(tmp_path: Path, strategy: str, extra: str) -> None:
    folder, words = learned(make(tmp_path / "w", extra), strategy)
    assert words
    assert {number % 4 for number in words} == {0}
    assert read_audiences(folder) == frozenset()


@pytest.mark.parametrize(
    ("groups", "kinds"),
    [(["staff"], {0, 1, 2}), (["legal"], {0, 2}), (["staff", "board"], {0, 1, 2, 3}), (["nobody"], {0})],
)
def test_training_reads_what_its_groups_may_read(tmp_path: Path, groups: list[str], kinds: set[int]) -> None:
    root = make(
        tmp_path / "w",
        f"[training]\ngroups = {json.dumps(groups)}\n[strategy.scholar]\nis_grounded = false\n",
    )
    folder, words = learned(root, "scholar")
    assert {number % 4 for number in words} == kinds
    wanted = {GROUPS[kind] for kind in kinds if kind}
    assert read_audiences(folder) == wanted
    assert {frozenset(names) for names in read_manifest(folder / "adapter")["groups"]} == wanted


def test_a_restricted_release_answers_only_its_audience(tmp_path: Path) -> None:
    root = make(tmp_path / "w", '[training]\ngroups = ["staff"]\n')
    run = compare(root, "rag", "scholar")
    with Workspace(root) as workspace:
        release = workspace.release(ReleaseOrder(run, "scholar", "test", "ada", "test"))
        assert release.audiences == (("legal", "staff"), ("staff",))
        workspace.promote(release.id, by="ada", reason="test")
        pipeline = workspace.released()
        question = "What word has the locker number 4 of clerk 28?"
        asked = [
            Query(question, groups) for groups in (frozenset(), frozenset({"staff"}), frozenset({"legal"}))
        ]
        notes = [NOT_PERMITTED in answer.notes for answer in pipeline.answer(asked)]
        assert notes == [True, False, True]
        assert [
            NOT_PERMITTED in workspace.ask([question], groups=query.groups, strategy="scholar")[0].notes
            for query in asked
        ] == notes
        seen: list[tuple[int, str]] = []
        pipeline.answer(asked, lambda position, text: seen.append((position, text)))
        assert {position for position, _ in seen} == {0, 1, 2}
        assert workspace.releases.get(release.id) == release
    with pytest.raises(ConfigError, match=r"\[training\] groups must be a list"):
        learned(make(tmp_path / "wrong", '[training]\ngroups = "staff"\n'), "scholar")


def test_every_set_must_be_met_at_every_question() -> None:
    class Echo:
        def __init__(self, name: str) -> None:
            self.name = name

        def answer(self, queries: list[Query], on_text: object = None) -> list[Answer]:
            return [Answer(f"{self.name} {query.text}") for query in queries]

    pipeline = AudiencePipeline(
        Echo("learned"), Echo("plain"), frozenset({frozenset({"a", "b"}), frozenset({"c"})})
    )
    held = [frozenset(names) for names in ("", "a", "c", "ac", "bc", "abc", "ab")]
    answers = pipeline.answer([Query(str(place), groups) for place, groups in enumerate(held)])
    assert [answer.text for answer in answers] == [
        "plain 0", "plain 1", "plain 2", "learned 3", "learned 4", "learned 5", "plain 6",
    ]  # fmt: skip
    assert pipeline.answer([]) == []
    assert pipeline.style is None


def test_pairs_for_a_retriever_hold_nothing_restricted() -> None:
    public = [Chunk(f"p{n}", f"p{n}", f"box {n} is red", 0, 9) for n in range(10)]
    hidden = [
        Chunk(f"h{n}", f"h{n}", f"box {n} is secretly red", 0, 9, frozenset({"staff"})) for n in range(10)
    ]
    examples = [Example(f"e{n}", f"what is box {n}", ("red",), (Evidence(f"p{n}"),)) for n in range(10)]
    insiders = [
        replace(example, id=f"i{place}", groups=frozenset({"staff"}), evidence=(Evidence(f"h{place}"),))
        for place, example in enumerate(examples)
    ]
    retriever, chunks = FakeRetriever([*public, *hidden]), [*public, *hidden]
    for groups, expected in ((frozenset(), set()), (frozenset({"staff"}), {frozenset({"staff"})})):
        pairs = build_pairs([*examples, *insiders], retriever, chunks, groups=groups)
        shown = {chunk.groups for pair in pairs for chunk in (pair.positive, *pair.negatives) if chunk.groups}
        assert shown == expected
        assert {names for pair in pairs for names in pair.audiences} == expected
        assert len(pairs) == (20 if groups else 10)
