"""Purge: nothing of a document is left anywhere, it never comes back, and what learned from it never answers again."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.deletion.learners import compare, find_words, make_workspace, places_of, token

from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.releases.feedback import CitedPassage, Feedback, Review
from knowhow.storage import read_json
from knowhow.workspace import Workspace, erasure
from knowhow.workspace.components import open_index
from knowhow.workspace.feedback import feedback_log, review_feedback
from knowhow.workspace.release import ReleaseOrder
from knowhow.workspace.working import pending_purge, working

TRAINED = 1
"""A document whose example is in the training part of the split, see `test_the_example_is_trained_on`."""


def name(number: int) -> str:
    return f"{token(number, 'file')}.md"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace where everything was done once: compared, released, answered, corrected, and one write cut short."""
    root = make_workspace(tmp_path_factory.mktemp("used") / "w", extra='[audit]\nquestions = "text"\n')
    run = compare(root)
    with Workspace(root) as workspace:
        for strategy in ("rag", "scholar"):
            order = ReleaseOrder(run, strategy, "test", "ada", "test")
            workspace.promote(workspace.release(order).id, by="ada", reason="test")
        for number in (TRAINED, 2):
            workspace.ask([f"What is {token(number, 'body')}?"])
        log = feedback_log(workspace.settings)
        for number in (TRAINED, 2):
            cited = CitedPassage(1, name(number), f"The key is {token(number, 'body')}.")
            said = log.add(Feedback("", "", "bob", "Which key?", "A.", "down", "B.", citations=(cited,)))
            review = Review(said.id, "", "eve", "wrong", f"It is {token(number, 'body')}", name(number))
            review_feedback(workspace.settings, review, {name(number)})
        log.add(Feedback("", "", "bob", f"Is {token(TRAINED, 'cell')} right?", "A.", "up"))
        log.add(Feedback("", "", "bob", "Paraphrased?", "A.", "up", documents=(name(TRAINED),)))
        encoders = workspace.settings.state / "encoders"
        encoders.mkdir()
        shutil.copy(workspace.components.index_path, encoders / "tuned.sqlite")
    (root / ".knowhow" / "runs" / ".report.html.x1.part").write_text(
        f"half a page about {token(TRAINED, 'cell')}"
    )
    (root / ".knowhow" / "index-rebuilt.sqlite").write_bytes(token(TRAINED, "body").encode())
    return root


@pytest.fixture
def root(used: Path, tmp_path: Path) -> Path:
    return shutil.copytree(used, tmp_path / "w")


def releases(root: Path) -> dict[str, str]:
    with Workspace(root) as workspace:
        return {release.strategy: release.id for release in workspace.releases.releases()}


def test_nothing_is_left_in_any_store(root: Path) -> None:
    words = places_of(TRAINED)
    assert len(find_words(root / ".knowhow", words)) > 20
    with Workspace(root) as workspace:
        receipt = workspace.purge([name(TRAINED)], by="ada", reason="asked for", with_sources=True)
    assert receipt.scan.remains == ()
    assert receipt.scan.patterns > 50
    assert find_words(root, words) == []
    removed = dict(receipt.removed)
    assert removed.pop("kept answers") > 0
    assert removed.pop("questions of comparisons") > 0
    assert removed == {
        "documents": 1, "chunks": 1, "documents of tuned indexes": 1, "learned": 2, "lines of feedback": 5,
        "source files": 1, "examples": 2, "leftover files": 1, "strategies of comparisons": 2,
        "lines of the audit log": 1,
    }  # fmt: skip
    assert receipt.kept == {}
    assert not pending_purge(root / ".knowhow").exists()
    value = read_json(root / ".knowhow" / "purged" / f"{receipt.id}.json")
    assert (value["by"], value["reason"], value["quarantined"]) == (
        "ada",
        "asked for",
        [releases(root)["scholar"]],
    )
    with Workspace(root) as workspace:
        assert workspace.purge_receipt(receipt.id)[1] is True
        assert len(workspace.records()) == 29
        assert [item.feedback.citations[0].document for item in feedback_log(workspace.settings).items()] == [
            name(2)
        ]
        report, _ = workspace.report()
        assert report.questions == len(report.record.examples) > 0
        gone = report.record.volatile["purged"]
        assert any(sentence.startswith(f"{gone} questions were taken out") for sentence in report.limits)
        assert [result.name for result in report.strategies if result.is_measured] == ["rag"]
        assert len(json.loads((root / "examples.jsonl").read_text().splitlines()[0])["id"]) == 5
        workspace.ask(["What is the key of locker 2 of clerk 14?"])
        assert workspace.ingest().problems == ()
    assert find_words(root, words) == []


def test_the_audit_log_keeps_its_chain_and_its_other_lines(root: Path) -> None:
    with Workspace(root) as workspace:
        before = [entry for entry in workspace.audit.entries() if entry.kind == "asked"]
        head = workspace.audit.verify().head
        workspace.purge([name(TRAINED)], by="ada")
        entries = workspace.audit.entries()
        assert workspace.audit.verify(head).entries == len(entries)
        gone = [entry for entry in entries if "redacted" in entry.details]
        assert {entry.kind for entry in gone} == {"asked"}
        assert {(entry.by, entry.subject) for entry in gone if entry.kind == "asked"} == {(before[0].by, "")}
        assert [entry for entry in entries if entry.number == before[1].number] == [before[1]]
        declaring = [entry for entry in entries if entry.details.get("redacts")]
        assert [entry.number for entry in gone] == list(declaring[0].details["redacts"])
        assert entries[-1].kind == "purged"
        path = workspace.audit.path
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    other = next(row for row in lines if row["number"] == before[1].number)
    other["details"] = {"redacted": declaring[0].number}
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    with Workspace(root) as workspace, pytest.raises(DataError, match="no later line declares it"):
        workspace.audit.verify()


def test_the_example_is_trained_on(used: Path) -> None:
    with Workspace(used) as workspace:
        found = workspace.lineage(name(TRAINED))
    kinds = {use.kind for use in found.uses}
    assert kinds == {"dataset", "adapter", "examples", "comparison", "release", "feedback"}
    assert f"e{TRAINED:04d}" in found.examples
    assert [use.state for use in found.uses if use.kind == "release"] == ["champion"]


def test_without_source_the_file_stays_and_is_refused(root: Path) -> None:
    with Workspace(root) as workspace:
        receipt = workspace.purge([str(root / "documents" / name(TRAINED))])
        assert receipt.is_clean
        assert receipt.kept == {"source files": 1, "examples": 2}
        for _ in range(2):
            result = workspace.ingest()
            assert [problem.kind for problem in result.problems] == ["purged"]
            assert "stays out" in result.problems[0].reason
        (root / "documents" / "copy.md").write_bytes((root / "documents" / name(TRAINED)).read_bytes())
        assert [problem.source for problem in workspace.ingest(rebuild=True).problems] == sorted(
            [name(TRAINED), "copy.md"]
        )
        assert len(workspace.records()) == 29
        with pytest.raises(NotFoundError, match="was not trained yet"):
            workspace.ask(["What?"], strategy="scholar")
    run = compare(root, "rag", "few_shot", "scholar")
    examples = (root / ".knowhow" / "runs" / run / "examples.jsonl").read_text()
    assert f"e{TRAINED:04d}" not in examples
    inside = [
        line
        for line in find_words(root / ".knowhow", places_of(TRAINED))
        if "/runs/" in line or "/cache/" in line
    ]
    assert inside == []
    with Workspace(root) as workspace:
        assert workspace.lift_purge(name(TRAINED), "harmless now").id in receipt.tombstones
        assert workspace.ingest().added == 2


def test_a_release_that_learned_from_it_never_answers_again(root: Path, tmp_path: Path) -> None:
    made = releases(root)
    with Workspace(root) as workspace:
        workspace.releases.export(made["scholar"], tmp_path / "scholar.tar")
        assert workspace.releases.standing().champion == made["scholar"]
        workspace.purge([name(TRAINED)])
        standing = workspace.releases.standing()
        assert (standing.champion, standing.quarantined) == (made["rag"], frozenset({made["scholar"]}))
        assert workspace.released().release.id == made["rag"]
        for act in (
            lambda: workspace.promote(made["scholar"], by="ada", reason="again"),
            lambda: workspace.released(made["scholar"]),
            lambda: workspace.releases.export(made["scholar"], tmp_path / "again.tar"),
        ):
            with pytest.raises(PolicyError, match="quarantined"):
                act()
        with pytest.raises(PolicyError, match="no earlier champion|not an earlier champion"):
            workspace.releases.rollback(by="ada", reason="back", to=made["scholar"])
        assert [use.state for use in workspace.lineage(name(TRAINED)).uses] == ["quarantined"]
    shutil.rmtree(root / ".knowhow" / "releases")
    with (
        Workspace(root) as workspace,
        pytest.raises(PolicyError, match="learned from a document that was purged"),
    ):
        workspace.releases.take_archive(tmp_path / "scholar.tar", by="ada", reason="bring it back")
    assert find_words(root / ".knowhow", places_of(TRAINED)) == []


@pytest.mark.parametrize("number", [TRAINED, 4, 9])
def test_a_restored_copy_of_the_state_is_purged_again(root: Path, tmp_path: Path, number: int) -> None:
    shutil.copytree(root / ".knowhow", tmp_path / "backup")
    with Workspace(root) as workspace:
        workspace.purge([name(number)], with_sources=True)
        shutil.rmtree(root / ".knowhow")
    shutil.copytree(tmp_path / "backup", root / ".knowhow")
    with Workspace(root) as workspace:
        answer = workspace.ask([f"What is the key of locker {number} of clerk {number * 7}?"])[0]
        assert name(number) not in {hit.chunk.document_id for hit in answer.hits}
        assert name(number) not in {record.id for record in workspace.records()}
        if workspace.lineage(name(number)).named("adapter"):
            with pytest.raises(PolicyError, match="learned from a document that was purged"):
                workspace.ask(["What?"], strategy="scholar")
            with pytest.raises(PolicyError, match="learned from a document that was purged"):
                workspace.released(releases(root)["scholar"])
        assert workspace.returned_documents() == [name(number)]
        receipt = workspace.purge(workspace.returned_documents())
        assert receipt.is_clean
        assert workspace.returned_documents() == []
    assert find_words(root / ".knowhow", [token(number, "file"), token(number, "body")]) == []


STEPS = (
    "erase_from_indexes", "erase_learned", "erase_kept_answers", "erase_from_runs", "erase_from_feedback",
    "erase_ingest_notes", "erase_sources", "sweep",
)  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_purge_that_was_cut_short_is_finished(
    root: Path, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    whole = getattr(erasure, step)

    def cut(*arguments: object) -> None:
        if when == "after":
            whole(*arguments)
        raise Killed

    with Workspace(root) as workspace:
        with monkeypatch.context() as patch:
            patch.setattr(erasure, step, cut)
            with pytest.raises(Killed):
                workspace.purge([name(TRAINED)], with_sources=True)
        with pytest.raises(PolicyError, match="--resume"):
            workspace.purge([name(3)])
        with pytest.raises(PolicyError, match="--resume"):
            workspace.train("scholar")
        assert name(TRAINED) not in {record.id for record in workspace.records()}
        receipt = workspace.resume_purge()
        assert receipt.is_clean
        assert find_words(root, places_of(TRAINED)) == []
        assert {"source files", "lines of feedback"} <= receipt.removed.keys() or when == "after"
        with pytest.raises(NotFoundError, match="No purge was interrupted"):
            workspace.resume_purge()


def test_nothing_runs_beside_a_purge(root: Path) -> None:
    with Workspace(root) as workspace:
        with (
            working(root / ".knowhow", "a comparison"),
            pytest.raises(PolicyError, match="could write the document anew"),
        ):
            workspace.purge([name(3)])
        assert not pending_purge(root / ".knowhow").exists()
        assert name(3) in {record.id for record in workspace.records()}
        (root / ".knowhow" / "working" / "left-by-a-kill.lock").touch()
        assert workspace.purge([name(3)]).is_clean
        with pytest.raises(NotFoundError, match="Unknown document 'nothing.md'"):
            workspace.purge(["nothing.md"])


def test_a_document_that_was_only_deleted_can_still_be_purged(root: Path) -> None:
    (root / "documents" / name(TRAINED)).unlink()
    with Workspace(root) as workspace:
        workspace.ingest()
        receipt = workspace.purge([name(TRAINED)])
    assert receipt.is_clean
    assert any("only names" in note for note in receipt.notes)
    assert find_words(root / ".knowhow", [token(TRAINED, "body"), token(TRAINED, "file")]) == []


def test_what_stays_behind_is_named(root: Path) -> None:
    (root / ".knowhow" / "notes.txt").write_text(f"Somebody wrote {token(3, 'body')} here.")
    (root / "documents" / "twin.md").write_bytes((root / "documents" / name(5)).read_bytes())
    with Workspace(root) as workspace:
        receipt = workspace.purge([name(3)])
        assert dict(receipt.scan.remains) == {"notes.txt": 1}
        assert not receipt.is_clean
        workspace.ingest()
        with closing(open_index(workspace.settings, workspace.components.index_path, "")) as index:
            assert index.document("twin.md").text == index.document(name(5)).text
        assert workspace.purge([name(5)]).shared_passages > 0
        assert "twin.md" in {record.id for record in workspace.records()}


def test_wipe_leaves_no_state(root: Path) -> None:
    with Workspace(root) as workspace:
        with working(root / ".knowhow", "training"), pytest.raises(PolicyError):
            workspace.wipe()
        done = workspace.wipe()
    assert done.files > 10
    assert sorted(path.name for path in root.iterdir()) == ["documents", "examples.jsonl", "knowhow.toml"]
    with Workspace(root) as workspace:
        assert workspace.ingest().added == 30
        assert workspace.wipe(with_sources=True).bytes > 0
    assert [path.name for path in root.iterdir()] == ["knowhow.toml"]
