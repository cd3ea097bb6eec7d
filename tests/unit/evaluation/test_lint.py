"""The check of examples: each planted fault is found, and clean data stays clean."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from knowhow.evaluation.answer_forms import find_form
from knowhow.evaluation.coverage import find_uncovered
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.lint import LintInputs, LintReport, check_examples
from knowhow.evaluation.splits import split_examples
from knowhow.types import Evidence, Example

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).parents[4] / "shared" / "data"))
NAMES = ["amber", "birch", "cedar", "dahlia", "elder", "fern", "gorse", "hazel", "iris", "juniper"]


def rows(count: int) -> list[Example]:
    return [
        Example(
            f"e{number}",
            f"Which colour has {NAMES[number % 10]} number {number * 7919} in the {NAMES[number // 10 % 10]} list?",
            (f"shade {number}",),
            (Evidence(f"d{number}"),),
        )
        for number in range(count)
    ]


def documents(count: int) -> dict[str, str]:
    return {f"d{number}": f"It is known: the colour is Shade {number}, they say." for number in range(count)}


def kinds(report: LintReport) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in report.findings}


def test_clean_examples_have_only_the_notice_about_abstaining() -> None:
    examples = rows(90)
    report = check_examples(examples, LintInputs(documents=documents(90), split=split_examples(examples)))
    assert kinds(report) == {"no_unanswerable": "notice"}
    assert report.coverage == 1.0
    assert report.train + report.held_out == report.examples == 90


def test_repetitions_and_contradictions_are_found_with_their_lines() -> None:
    examples = rows(60)
    again = replace(examples[3], id="again")
    other = replace(examples[5], id="other", references=("something else",))
    report = check_examples(
        [*examples, again, other], LintInputs(lines={"e3": 4, "again": 61, "e5": 6, "other": 62})
    )
    by_kind = {finding.kind: finding for finding in report.findings}
    assert by_kind["duplicate"].rows == ("e3", "again")
    assert by_kind["duplicate"].lines == (4, 61)
    assert by_kind["contradiction"].rows == ("e5", "other")
    assert by_kind["contradiction"].severity == "error"
    assert report.has_errors


def test_several_accepted_answers_are_no_contradiction() -> None:
    one = Example("a", "Q one two three?", ("x", "y"))
    assert "contradiction" not in kinds(check_examples([one, replace(one, id="b", references=("Y", "z"))]))


def test_a_repetition_across_the_split_is_an_error() -> None:
    examples = [
        replace(item, split="train" if place % 2 else "held_out") for place, item in enumerate(rows(60))
    ]
    examples.append(replace(examples[1], id="copy", split="held_out"))
    report = check_examples(examples, LintInputs(split=split_examples(examples)))
    assert kinds(report)["duplicate"] == "error"
    assert kinds(report)["leak_question"] == "error"


def test_eight_per_cent_in_another_form_are_found() -> None:
    answers = ['{"intent": "a", "slots": {}}'] * 92 + ["The intent is a."] * 8
    examples = [replace(item, references=(answer,)) for item, answer in zip(rows(100), answers, strict=True)]
    finding = next(finding for finding in check_examples(examples).findings if finding.kind == "mixed_format")
    assert finding.severity == "warning"
    assert finding.rows == tuple(f"e{number}" for number in range(92, 100))
    assert "8 of 100 (8%)" in finding.sentence


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"b": 1, "a": 2}', "json a,b"),
        ('{"b": 1,', "broken json"),
        ("[1]", "json list"),
        ("【依据】第三条\n【结论】可以", "sections 依据 / 结论"),
        ("## Basis\nx\n## Result\ny", "sections Basis / Result"),
        ("- a\n- b", "list"),
        ("SELECT a FROM b", "sql"),
        ("Ten days.", "text"),
    ],
)
def test_forms_are_told_by_structure(text: str, form: str) -> None:
    assert find_form(text) == form


def test_answers_in_no_document_and_unknown_evidence() -> None:
    examples = rows(40)
    texts = {name: text for name, text in documents(40).items() if int(name[1:]) >= 10}
    report = check_examples(examples, LintInputs(documents=texts))
    by_kind = {finding.kind: finding for finding in report.findings}
    assert by_kind["answer_not_in_documents"].rows == tuple(f"e{number}" for number in range(10))
    assert len(by_kind["unknown_evidence"].rows) == 10
    assert report.coverage == pytest.approx(0.75)
    assert "no_documents" in kinds(check_examples(examples, LintInputs(documents={})))


def test_coverage_matches_whole_words_and_reworded_long_answers() -> None:
    texts = {
        "a": "The fee is 125 euros. 退货期限为七天。 Customers may cancel the contract within fourteen days of signing it."
    }
    cases = {
        "25": False,
        "125 euros": True,
        "七天": True,
        "八天": False,
        "Customers may cancel the contract in fourteen days after signing": True,
        "The moon is made of very old and dry green cheese": False,
    }
    examples = [Example(text, "q", (text,)) for text in cases]
    assert set(find_uncovered(examples, texts).uncovered) == {
        text for text, holds in cases.items() if not holds
    }


def test_personal_data_length_and_balance() -> None:
    examples = [
        *(
            replace(item, intent="fees", is_answerable=number % 3 == 0)
            for number, item in enumerate(rows(30))
        ),
        Example("mail", "Who is jane@example.org in the office?", ("Jane",), intent="people"),
        Example("long", "word " * 90, ("x",), intent="fees"),
    ]
    report = check_examples(
        examples,
        LintInputs(
            find_personal_data=lambda text: ["email"] if re.search(r"\S+@\S+", text) else [],
            count_tokens=lambda texts: [len(text.split()) for text in texts],
            window_tokens=100,
        ),
    )
    by_kind = {finding.kind: finding for finding in report.findings}
    assert by_kind["personal_data"].rows == ("mail",)
    assert by_kind["too_long"].rows == ("long",)
    assert by_kind["rare_intent"].rows == ("mail",)
    assert by_kind["mostly_unanswerable"].severity == "warning"
    assert report.intents == {"fees": 31, "people": 1}


def test_every_finding_has_a_mend() -> None:
    examples = [*rows(10), replace(rows(1)[0], id="copy", split="held_out")]
    report = check_examples(
        examples, LintInputs(documents={}, split=split_examples(examples), notices=("Something",))
    )
    assert report.findings
    assert all(
        finding.mend.endswith((".", "ingest")) and finding.sentence.endswith(".")
        for finding in report.findings
    )


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the datasets at KNOWHOW_DATA are absent")
def test_squad_is_covered_by_its_documents_and_not_by_others() -> None:
    import json

    found = read_examples(DATA / "squad2_en" / "questions.jsonl")
    with (DATA / "squad2_en" / "documents.jsonl").open() as file:
        texts = {row["id"]: row["text"] for row in map(json.loads, file)}
    report = check_examples(found.examples, LintInputs(documents=texts, split=split_examples(found.examples)))
    assert report.coverage is not None
    assert report.coverage > 0.99
    assert "unknown_evidence" not in kinds(report)
    other = check_examples(found.examples, LintInputs(documents={"x": "Nothing of the kind."}))
    assert other.coverage is not None
    assert other.coverage < 0.01
