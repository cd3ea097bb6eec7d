import os
import sys
import time
from pathlib import Path

import pytest

from knowhow.config import GroupRule
from knowhow.corpus.folder import digest_source, known_suffixes, scan_folder
from knowhow.errors import DataError, NotFoundError
from knowhow.storage import digest


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_readable_files_are_listed_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.md", "a/z.txt", "a/b.pdf", ".hidden.md", ".git/x.md", "~$a.docx", "Thumbs.db", "B.HTML")
    scan = scan_folder(tmp_path)
    assert [(file.name, file.loader) for file in scan.files] == [
        ("B.HTML", "html"), ("a/b.pdf", "pdf"), ("a/z.txt", "text"), ("b.md", "markdown"),
    ]  # fmt: skip
    assert scan.problems == ()
    assert {".md", ".pdf", ".docx", ".pptx", ".xlsx", ".html", ".txt", ".csv", ".eml", ".jsonl"} <= set(
        known_suffixes()
    )


def test_unsupported_formats_are_named_with_a_way_out(tmp_path: Path) -> None:
    fill(tmp_path, "old.doc", "photo.png", "mail.msg", "data.bin", "README")
    problems = {problem.source: problem for problem in scan_folder(tmp_path).problems}
    assert {problem.kind for problem in problems.values()} == {"unsupported"}
    assert problems["old.doc"].mend == "Save it as .docx."
    assert "OCR" in problems["photo.png"].mend
    assert ".eml" in problems["mail.msg"].mend
    assert ".md" in problems["data.bin"].mend
    assert "README" in problems["README"].reason


def test_excluded_paths_do_not_exist_for_ingest(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "drafts/b.md", "x/c.tmp.md")
    assert [file.name for file in scan_folder(tmp_path, exclude=("drafts", "**/*.tmp.md")).files] == ["a.md"]


def test_links_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "documents", tmp_path / "outside"
    fill(inside, "a.md", "sub/b.md")
    fill(outside, "secret.md")
    (inside / "leak.md").symlink_to(outside / "secret.md")
    (inside / "leaks").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "again.md").symlink_to(inside / "a.md")
    (inside / "dangling.md").symlink_to(inside / "nothing.md")
    scan = scan_folder(inside)
    assert [file.name for file in scan.files] == ["a.md", "again.md", "sub/b.md"]
    assert {(problem.source, problem.kind) for problem in scan.problems} == {
        ("leak.md", "link"), ("leaks", "link"), ("dangling.md", "unreadable"),
    }  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on POSIX systems only")
def test_a_named_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert [problem.kind for problem in scan_folder(tmp_path).problems] == ["special"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_name_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    (problem,) = scan_folder(tmp_path).problems
    assert problem.kind == "name"
    problem.source.encode()


def test_a_sidecar_is_read_and_an_orphan_reported(tmp_path: Path) -> None:
    fill(tmp_path, "a.pdf", "b.md")
    (tmp_path / "a.pdf.meta.toml").write_text('groups = ["staff"]')
    (tmp_path / "c.md.meta.toml").write_text('groups = ["staff"]')
    scan = scan_folder(tmp_path)
    assert [file.sidecar.groups for file in scan.files] == [frozenset({"staff"}), None]
    assert [(problem.source, problem.kind) for problem in scan.problems] == [("c.md.meta.toml", "sidecar")]


def test_a_broken_sidecar_keeps_the_document_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    (tmp_path / "a.md.meta.toml").write_text("groups = [")
    scan = scan_folder(tmp_path)
    assert scan.files == ()
    assert [(problem.source, problem.kind) for problem in scan.problems] == [("a.md", "groups")]


def test_what_decides_a_file_changes_its_settings(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.md")

    def settings(*rules: GroupRule, own: str = "") -> str:
        return scan_folder(tmp_path, rules, settings=own).files[0].settings

    plain = settings()
    assert plain == settings(GroupRule("b/**", ("staff",)))
    assert plain != settings(GroupRule("a/**", ("staff",)))
    assert plain != settings(own="other")
    (tmp_path / "a/x.md.meta.toml").write_text('title = "T"')
    assert plain != settings()


def test_a_file_that_was_just_written_has_no_stamp(tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    assert scan_folder(tmp_path).files[0].stamp == ""
    old = time.time() - 100
    os.utime(tmp_path / "a.md", (old, old))
    file = scan_folder(tmp_path).files[0]
    assert file.stamp.startswith("4:")
    assert digest_source(file) == digest("a.md")


def test_a_wrong_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"does not exist.*path under \[documents\]"):
        scan_folder(tmp_path / "none")
    fill(tmp_path, "file")
    with pytest.raises(DataError, match="is a file"):
        scan_folder(tmp_path / "file")


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "huge", "dangling"])
def test_a_sidecar_that_cannot_be_read_keeps_its_document_out(tmp_path: Path, kind: str) -> None:
    documents, sidecar = tmp_path / "documents", tmp_path / "documents" / "a.md.meta.toml"
    fill(documents, "a.md", "b.md")
    fill(tmp_path, "outside.toml")
    if kind == "link":
        sidecar.symlink_to(tmp_path / "outside.toml")
    elif kind == "pipe":
        os.mkfifo(sidecar)
    elif kind == "folder":
        sidecar.mkdir()
    elif kind == "dangling":
        sidecar.symlink_to(documents / "nothing.toml")
    else:
        sidecar.write_text("#" * 1_000_001)
    scan = scan_folder(documents)
    assert [file.name for file in scan.files] == ["b.md"]
    assert ("a.md", "groups") in {(problem.source, problem.kind) for problem in scan.problems}


def test_excluding_sidecars_does_not_open_their_documents(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "b.md")
    (tmp_path / "a.md.meta.toml").write_text('groups = ["staff"]')
    (tmp_path / "b.md.meta.toml").write_text('groups = ["staff"]')
    scan = scan_folder(tmp_path, exclude=("**/*.toml", "b.md"))
    assert [(file.name, file.sidecar.groups) for file in scan.files] == [("a.md", frozenset({"staff"}))]
    assert scan.problems == ()
