from pathlib import Path

from tests.unit.corpus.loading import load, only, pdf, problem


def test_pages_and_bookmarks(tmp_path: Path) -> None:
    pages = ["Preface text.\nChapter one\nFirst fact.", "Second fact.\nChapter two\nThird fact."]
    document = only(load(tmp_path, "a.pdf", pdf(pages, [("Chapter one", 0), ("Chapter two", 1)])))
    found = [
        (document["text"][start:end], page, heading) for start, end, page, heading in document["regions"]
    ]
    assert found == [
        ("Preface text.", 1, []),
        ("Chapter one\nFirst fact.", 1, ["Chapter one"]),
        ("Second fact.", 2, ["Chapter one"]),
        ("Chapter two\nThird fact.", 2, ["Chapter two"]),
    ]
    assert document["title"] == ""


def test_wrapped_lines_are_joined(tmp_path: Path) -> None:
    page = (
        "The fee for a replacement card is ten dollars and\nis charged to the account.\nNew line of its own."
    )
    text = only(load(tmp_path, "a.pdf", pdf([page])))["text"]
    assert (
        text
        == "The fee for a replacement card is ten dollars and is charged to the account.\nNew line of its own."
    )


def test_a_pdf_without_text_is_a_problem(tmp_path: Path) -> None:
    assert problem(load(tmp_path, "a.pdf", pdf([""])))["kind"] == "no_text"


def test_a_broken_pdf_is_a_problem(tmp_path: Path) -> None:
    assert problem(load(tmp_path, "a.pdf", b"%PDF-1.7 nothing else"))["kind"] == "malformed"
    assert problem(load(tmp_path, "b.pdf", "no pdf at all"))["kind"] == "malformed"
