"""Reading examples: every row is an Example or a problem with file, line and mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.errors import DataError, NotFoundError
from knowhow.evaluation.examples import ExamplesError, parse_example, read_examples
from knowhow.types import Evidence, Example


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "question", "references"),
    [
        ({"question": "Q?", "answer": "A"}, "Q?", ("A",)),
        ({"question": "Q?", "references": ["A", "B", "A"]}, "Q?", ("A", "B")),
        ({"question": "Q?", "answers": {"text": ["A"], "answer_start": [3]}}, "Q?", ("A",)),
        ({"input": "Q?", "output": "A", "outputs": ["A", "B"]}, "Q?", ("A", "B")),
        ({"instruction": "Translate.", "input": "Hund", "output": "dog"}, "Translate.\n\nHund", ("dog",)),
        ({"prompt": "Q?", "completion": 42}, "Q?", ("42",)),
        ({"question": "Q?", "answer": {"intent": "x"}}, "Q?", ('{"intent": "x"}',)),
        ({"问题": "几天？", "答案": "七天"}, "几天？", ("七天",)),
        ({"question": "Q?", "answers": [], "answerable": False}, "Q?", ()),
        ({"question": "Q?", "is_impossible": True}, "Q?", ()),
        (
            {"messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": "A"}]},
            "Q?",
            ("A",),
        ),
    ],
)
def test_rows_in_common_shapes(row: dict[str, object], question: str, references: tuple[str, ...]) -> None:
    example = parse_example(row)
    assert (example.question, example.references) == (question, references)
    assert example.is_answerable == bool(references)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ("loans/car.md", (Evidence("loans/car.md"),)),
        ("sq-12ab", (Evidence("sq-12ab"),)),
        (
            "The fee is waived for accounts opened in spring.",
            (Evidence("", "The fee is waived for accounts opened in spring."),),
        ),
        ({"document": "a.md", "quote": "ten days"}, (Evidence("a.md", "ten days"),)),
        (["a.md", {"id": "b"}], (Evidence("a.md"), Evidence("b"))),
    ],
)
def test_evidence_in_every_shape(evidence: object, expected: tuple[Evidence, ...]) -> None:
    assert parse_example({"question": "Q?", "answer": "A", "evidence": evidence}).evidence == expected


def test_other_fields() -> None:
    example = parse_example(
        {
            "question": "Q?",
            "answer": "A",
            "id": 7,
            "lang": "en",
            "meta": {"split": "dev", "intent": "fees"},
            "groups": "staff, board",
            "gold_document_ids": ["d1", "d2"],
        }
    )
    assert (example.id, example.language, example.split, example.intent) == ("7", "en", "held_out", "fees")
    assert example.groups == {"staff", "board"}
    assert example.evidence == (Evidence("d1"), Evidence("d2"))


def test_every_bad_row_is_named_with_line_and_mend(tmp_path: Path) -> None:
    path = write(
        tmp_path / "examples.jsonl",
        {"question": "Good?", "answer": "Yes", "id": "a"},
        {"qestion": "Wrong key?", "answer": "Yes"},
        {"question": "Empty?", "answer": ""},
        '{"question": "Broken?", "answer": ',
        {"question": "No reference?"},
        {"question": "Misspelt?", "anwser": "x"},
        {"question": "Good?", "answer": "Yes", "id": "a"},
        {"question": "Split?", "answer": "Yes", "split": "tst"},
        "[1, 2]",
        {"question": "Evidence?", "answer": "Yes", "evidence": {"page": 3}},
    )
    with pytest.raises(ExamplesError) as caught:
        read_examples(path)
    problems = caught.value.problems
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert all(problem.mend for problem in problems)
    message = str(caught.value)
    assert all(f"{path}:{line}: " in message for line in range(2, 11))
    assert "Did you mean 'question' by 'qestion'?" in message
    assert "Did you mean 'answer' by 'anwser'?" in message
    assert "set 'answerable' to false" in message
    assert "repeats the id 'a' of line 1" in message
    assert caught.value.exit_code == 2


def test_a_single_bad_row_reads_as_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", {"question": "Q?", "answer": "A"}, {"question": "  ", "answer": "A"})
    with pytest.raises(DataError, match=rf"{path}:2: has an empty question\. Write the question"):
        read_examples(path)


def test_alike_problems_are_said_once(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", *[{"text": "x"}] * 3000)
    with pytest.raises(ExamplesError) as caught:
        read_examples(path)
    assert len(caught.value.problems) == 3000
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_line_breaks_in_cells(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "examples.csv"
    rows = ["question|answer|answerable|evidence", '"two\nlines"|"a, b; c"|yes|["a.md", "b.md"]', "why||no|"]
    path.write_text(
        "\ufeff"
        + "\n".join(
            row.replace("|", delimiter).replace('["a.md", "b.md"]', '"[""a.md"", ""b.md""]"') for row in rows
        ),
        encoding="utf-8",
    )
    found = read_examples(path)
    first, second = found.examples
    assert (first.question, first.references) == ("two\nlines", ("a, b; c",))
    assert first.evidence == (Evidence("a.md"), Evidence("b.md"))
    assert not second.is_answerable
    assert list(found.lines.values()) == [2, 4]


def test_csv_with_too_many_cells_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "examples.csv"
    path.write_text("question,answer\nQ?,A\nHow, much?,A\n")
    with pytest.raises(ExamplesError, match=r"examples\.csv:3: has 3 cells under 2 headings"):
        read_examples(path)


def test_chat_rows_say_what_was_left_out(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": "The fee?"}]},
        {"role": "assistant", "content": "Ten."},
    ]
    found = read_examples(write(tmp_path / "chat.jsonl", {"messages": turns}))
    assert found.examples[0].references == ("Ten.",)
    assert "Hello" in found.examples[0].question
    assert found.examples[0].question.endswith("user: The fee?")
    assert len(found.notices) == 2
    assert all("line 1" in notice for notice in found.notices)


def test_rows_without_id_get_a_stable_one_and_repetitions_their_own(tmp_path: Path) -> None:
    row, other = {"question": "Q?", "answer": "A"}, {"question": "R?", "answer": "A"}
    found = read_examples(write(tmp_path / "a.jsonl", row, other, row))
    again = read_examples(write(tmp_path / "b.jsonl", other, row))
    ids = [example.id for example in found.examples]
    assert ids[2] == f"{ids[0]}-2"
    assert [example.id for example in again.examples] == [ids[1], ids[0]]


def test_misspelt_optional_key_is_a_notice(tmp_path: Path) -> None:
    found = read_examples(write(tmp_path / "a.jsonl", {"question": "Q?", "answer": "A", "evidenc": "a.md"}))
    assert found.notices == (
        "The key 'evidenc' is unknown and was ignored; did you mean 'evidence'? (line 1)",
    )


def test_line_separator_inside_a_string_ends_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "one\u2028two", "answer": "A"}\n', encoding="utf-8")
    assert read_examples(path).examples[0].question == "one\u2028two"


def test_absent_empty_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="do not exist"):
        read_examples(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no examples"):
        read_examples(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "a"}\n{"question": "\xe9"}\n')
    with pytest.raises(DataError, match=r"latin\.jsonl:2: is not UTF-8"):
        read_examples(tmp_path / "latin.jsonl")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["question", "answer", "answers", "evidence", "split", "groups", "answerable", "messages", "id", "meta"]
)


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_any_row_is_an_example_or_a_data_error(row: dict[str, object]) -> None:
    found: Example | DataError
    try:
        found = parse_example(row, source="f", line=3)
    except DataError as error:
        found = error
    if isinstance(found, DataError):
        assert "f:3" in str(found)
        assert found.mend
    else:
        assert found.question.strip()
        assert found.references or not found.is_answerable


@given(st.lists(st.text(max_size=30), max_size=20))
def test_any_lines_of_text_lose_nothing(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "e.jsonl"
    path.write_text("\n".join([*lines, '{"question": "Q?", "answer": "A"}']), encoding="utf-8", newline="")
    rows = sum(bool(line.strip()) for line in path.read_text(encoding="utf-8-sig").split("\n"))
    try:
        count = len(read_examples(path).examples)
    except ExamplesError as error:
        count = len(error.problems)
        assert rows - count in {0, 1}
    else:
        assert count == rows
