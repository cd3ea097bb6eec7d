"""The shipped workspaces with intents to route by are consistent: quotes occur, every intent has rows, the table fits the rows."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from tests.unit.examples.test_bank_support import EXAMPLES, Workspace, missing_quotes, read_text, similarity

from knowhow.config import load_settings
from knowhow.evaluation.examples import read_examples
from knowhow.evaluation.lint import LintInputs, check_examples
from knowhow.evaluation.splits import split_examples
from knowhow.workspace.options import build_strategy, strategy_options

SERVICE = Workspace("customer-service", 20, frozenset(["md", "csv"]), 0, 150, range(4, 5), 0, "words", 70)
MEDICAL = Workspace("medical-qa", 21, frozenset(["md", "csv"]), 0, 150, range(4, 5), 0, "words", 70)
LEARNED = {SERVICE.name: "troubleshooting", MEDICAL.name: "concept"}
both = pytest.mark.parametrize("workspace", [SERVICE, MEDICAL], ids=lambda workspace: workspace.name)


@both
def test_documents_have_the_promised_number_and_formats(workspace: Workspace) -> None:
    paths = workspace.document_paths()
    assert len(paths) == workspace.documents
    assert {Path(path).suffix[1:] for path in paths} == workspace.formats


@both
def test_every_quote_occurs_in_its_document_and_every_document_is_asked_about(workspace: Workspace) -> None:
    rows = workspace.rows_of()
    assert missing_quotes(rows, [workspace.root / "documents"]) == []
    asked = Counter(name for row in rows for name in {item["document"] for item in row["evidence"]})
    # What is learned from examples names no evidence: its rows are on both sides of the split.
    learned = {path for path in workspace.document_paths() if re.search("handbook|glossary", path)}
    assert len(learned) == 1
    assert set(asked) == set(workspace.document_paths()) - learned
    assert min(asked.values()) >= 4


@both
def test_rows_are_unique_and_answers_of_documents_cite_them(workspace: Workspace) -> None:
    rows = workspace.rows_of()
    assert len(rows) >= workspace.rows
    assert len({row["id"] for row in rows}) == len({row["question"].lower() for row in rows}) == len(rows)
    for row in rows:
        is_learned = row["intent"] == LEARNED[workspace.name]
        assert bool(row["evidence"]) == (row["answerable"] and not is_learned), row["id"]
        assert ("[1]" in row["answer"]) == bool(row["evidence"]), row["id"]
        assert len(row["answer"].split()) <= workspace.longest
    refusals = {row["answer"] for row in rows if not row["answerable"]}
    assert refusals == {workspace.settings["prompt"]["not_found"]}
    assert 0.1 <= sum(not row["answerable"] for row in rows) / len(rows) <= 0.18


@both
def test_questions_are_no_near_duplicates(workspace: Workspace) -> None:
    questions = [row["question"] for row in workspace.rows_of()]
    assert [pair for pair in combinations(questions, 2) if similarity(*pair) > 0.85] == []


@both
def test_the_table_speaks_of_the_intents_that_occur(workspace: Workspace) -> None:
    settings = load_settings(workspace.root)
    intents = Counter(row["intent"] for row in workspace.rows_of())
    assert len(intents) in workspace.intents
    assert min(intents.values()) >= 5
    named = set(settings.router["intents"]) | set(settings.router["outside"])
    assert named == set(intents)
    routed = build_strategy(settings, "routed")
    assert strategy_options(settings, "routed")["outside"] == ["other"]
    assert routed.traits.retrieves
    assert settings.compare.strategies[-1] == "routed"


@both
def test_each_intent_is_on_both_sides_and_every_fault_was_seen_in_training(workspace: Workspace) -> None:
    examples = read_examples(workspace.root / "examples.jsonl").examples
    split = split_examples(examples, 0.4)
    sides = {name: {item.intent for item in examples if item.id in set(part)} for name, part in
             (("train", split.train), ("held_out", split.held_out))}  # fmt: skip
    assert sides["train"] == sides["held_out"]
    learned = LEARNED[workspace.name]
    train = {item.references[0] for item in examples if item.id in split.train and item.intent == learned}
    held_out = {
        item.references[0] for item in examples if item.id in split.held_out and item.intent == learned
    }
    assert held_out <= train


@both
def test_the_check_of_examples_has_nothing_to_mend(workspace: Workspace) -> None:
    found = read_examples(workspace.root / "examples.jsonl")
    folder = workspace.root / "documents"
    documents = {path: read_text(folder / path) for path in workspace.document_paths()}
    report = check_examples(
        found.examples,
        LintInputs(
            documents=documents,
            document_names=frozenset(documents),
            split=split_examples(found.examples, 0.4),
            lines=found.lines,
            notices=found.notices,
        ),
    )
    assert [item for item in report.findings if item.severity != "notice"] == []


def test_the_workspaces_stand_where_the_others_do() -> None:
    assert SERVICE.root.parent == MEDICAL.root.parent == EXAMPLES
