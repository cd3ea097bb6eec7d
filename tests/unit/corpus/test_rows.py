import pytest

from knowhow.corpus.rows import is_header, markdown_table, table_lines


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Branch", "Hours"], True),
        (["Branch"], False),
        (["Branch", "Branch"], False),
        (["Branch", "2024"], False),
        (["", "Q1", "Q2", "Q3"], True),
        (["Total", "", ""], False),
        (["Name:", "Value"], False),
        (["Fee", "$4.50"], False),
        (["Date", "2024-01-31"], False),
        (["产品", "利率"], True),
    ],
)
def test_a_header_is_recognised(cells: list[str], expected: bool) -> None:
    assert is_header(cells) is expected


def test_rows_say_what_their_values_mean() -> None:
    rows = [
        ["Branch", "Hours", "Note"],
        ["Old Mill", "9 to 5", ""],
        ["", "", ""],
        ["Pier", "8 to 7", "a\nb", "extra"],
    ]
    assert list(table_lines(rows)) == [
        "Branch | Hours | Note",
        "Branch: Old Mill; Hours: 9 to 5",
        "Branch: Pier; Hours: 8 to 7; Note: a b; extra",
    ]


def test_rows_without_a_header_stay_rows() -> None:
    assert list(table_lines([["1", "2"], ["3", "4"]])) == ["1 | 2", "3 | 4"]
    assert list(table_lines([])) == []


def test_a_markdown_table_is_rectangular_and_escaped() -> None:
    assert markdown_table([["a", "b|c"], ["d"], ["", ""]]) == "| a | b\\|c |\n| - | - |\n| d |  |"
    assert markdown_table([]) == ""
