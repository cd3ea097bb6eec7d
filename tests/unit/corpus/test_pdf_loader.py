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
    assert document["title"] == "Chapter one"


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


def test_larger_lines_are_headings(tmp_path: Path) -> None:
    body = "\n".join(f"Sentence number {number} of the ordinary text of this page." for number in range(8))
    pages = [f"!Term deposits\n{body}", f"{body}\n!Breaking early\n{body}", "1. It ends here."]
    document = only(load(tmp_path, "a.pdf", pdf(pages)))
    assert [(page, heading) for _, _, page, heading in document["regions"]] == [
        (1, ["Term deposits"]),
        (2, ["Term deposits"]),
        (2, ["Breaking early"]),
        (3, ["Breaking early"]),
    ]
    start = document["regions"][2][0]
    assert document["text"][start:].startswith("Breaking early\n")


def test_a_page_of_large_lines_has_no_headings(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.pdf", pdf(["!One large line\n!Another large line\nsmall"])))
    assert {tuple(heading) for *_, heading in document["regions"]} == {()}
