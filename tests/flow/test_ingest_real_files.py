"""Every real file yields text or a typed problem, and the reference texts are met (benchmarks/real_files.py prints the table)."""

import pytest
from benchmarks.real_files import FileResult, data_folder, measure, subsequence_length

KINDS = ("unsupported", "encrypted", "no_text")
BELOW = {
    # The reference lists side-by-side blocks of a sheet one after the other; rows are kept whole here.
    "docling__xlsx_07_gap_tolerance_.xlsx",
    # The reference reads a two-column form row by row; the page's own order is kept here.
    "markitdown__movie-theater-booking-2024.pdf",
}


@pytest.fixture(scope="module")
def results() -> list[FileResult]:
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"the real_files dataset is not at {folder}; set KNOWHOW_DATA")
    return measure(folder)


@pytest.mark.data
def test_every_file_yields_text_or_a_typed_problem(results: list[FileResult]) -> None:
    assert len(results) == 76
    for result in results:
        assert (result.characters > 0) != bool(result.problems), result
        assert all(problem.split(":")[0] in KINDS for problem in result.problems), result
    assert sum(bool(result.problems) for result in results) == 5


@pytest.mark.data
def test_reference_texts_are_met_in_order(results: list[FileResult]) -> None:
    scored = {result.file: result.recall for result in results if result.recall is not None}
    assert len(scored) == 21
    assert {name for name, recall in scored.items() if recall < 0.9} == BELOW


@pytest.mark.data
def test_no_word_of_a_reference_is_lost(results: list[FileResult]) -> None:
    for result in results:
        if result.file in BELOW:
            assert result.missing == ()


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("abcde", "ace", 3),
        ("abc", "cba", 1),
        ("", "a", 0),
        ("a", "", 0),
        ("aab", "ab", 2),
        ("abcabc", "acbcab", 5),
    ],
)
def test_the_longest_common_subsequence(wanted: str, found: str, expected: int) -> None:
    assert subsequence_length(wanted, found) == expected
