"""Training rows against hand-made documents: what is shown, what is the target, and what is noted as touched."""

import json
from dataclasses import replace

import pytest

from knowhow.errors import DataError
from knowhow.evidence import EvidenceChunks, holds_answer, negatives
from knowhow.generation.prompts import PromptStyle
from knowhow.testing.fakes import FakeRetriever
from knowhow.training.conversations import RaftOptions, bind_markers, build_grounded, build_raft, build_sft
from knowhow.training.pairs import build_pairs, write_pairs
from knowhow.training.parity import build_parity_text
from knowhow.training.rows import plain_groups, read_rows, rows_digest, write_rows
from knowhow.types import Chunk, Evidence, Example, Hit

COLORS = ("amber", "beige", "cyan", "denim", "ebony", "fawn", "gold", "hazel", "indigo", "jade")
CHUNKS = [
    Chunk(f"c{n}", f"doc{n}", f"The box number {n} is painted {color}.", 0, 40, title=f"Box {n}")
    for n, color in enumerate(COLORS)
]
EXAMPLES = [
    Example(f"e{n}", f"What color has box number {n}?", (color,), (Evidence(f"doc{n}"),), split="train")
    for n, color in enumerate(COLORS)
]
STYLE = PromptStyle(not_found="Not in the documents.")
RETRIEVER = FakeRetriever(CHUNKS)


def target(row):
    return row.conversation[-1].content


def prompt(row):
    return row.conversation[-2].content


def test_closed_book_rows_hold_the_question_and_the_first_reference():
    rows = build_sft(EXAMPLES, replace(STYLE, is_grounded=False))
    assert [target(row) for row in rows] == list(COLORS)
    assert all("painted" not in prompt(row) and row.documents == () for row in rows)
    assert rows[3].examples == ("e3",)


def test_closed_book_targets_cite_nothing():
    examples = [replace(item, references=("It is blue [1].",)) for item in EXAMPLES]
    rows = build_sft(examples, replace(STYLE, is_grounded=False))
    assert {target(row) for row in rows} == {"It is blue."}


def test_grounded_rows_show_what_was_retrieved_and_cite_its_place():
    for row, example in zip(build_grounded(EXAMPLES, RETRIEVER, CHUNKS, STYLE, k=10), EXAMPLES, strict=True):
        shown = RETRIEVER.retrieve([query_of(example)], 10)[0]
        place = [hit.chunk.document_id for hit in shown].index(f"doc{example.id[1:]}") + 1
        assert target(row) == f"{example.references[0]} [{place}]"
        assert set(row.documents) == {hit.chunk.document_id for hit in shown}
        assert row.has_gold is True


def query_of(example):
    from knowhow.types import Query

    return Query(example.question)


@pytest.mark.parametrize(("missing", "count"), [("drop", 0), ("not_found", 10), ("answer", 10)])
def test_grounded_rows_without_their_gold(missing, count):
    blind = FakeRetriever([Chunk("x", "other", "box number color painted", 0, 24)])
    rows = build_grounded(EXAMPLES, blind, CHUNKS, STYLE, k=3, missing=missing)
    assert len(rows) == count
    if missing == "not_found":
        assert {target(row) for row in rows} == {"Not in the documents."}
    if missing == "answer":
        assert [target(row) for row in rows] == list(COLORS)


def test_raft_rows_with_gold_hold_it_among_negatives_that_lack_the_answer():
    rows = build_raft(EXAMPLES, RETRIEVER, CHUNKS, STYLE, RaftOptions(p=1.0, k=4))
    for row, color in zip(rows, COLORS, strict=True):
        assert len(row.documents) == 4
        assert prompt(row).count(color) == 1
        place = row.documents.index(f"doc{COLORS.index(color)}") + 1
        assert target(row) == f"{color} [{place}]"


def test_raft_rows_without_gold_show_no_answer_and_refuse():
    rows = build_raft(EXAMPLES, RETRIEVER, CHUNKS, STYLE, RaftOptions(p=0.0, k=4))
    for row, color in zip(rows, COLORS, strict=True):
        assert color not in prompt(row)
        assert f"doc{COLORS.index(color)}" not in row.documents
        assert target(row) == "Not in the documents."
        assert row.has_gold is False


def test_raft_keeps_about_p_of_its_rows_with_gold_and_is_the_same_for_the_same_seed():
    examples = [replace(EXAMPLES[n % 10], id=f"e{n}") for n in range(400)]
    rows = build_raft(examples, RETRIEVER, CHUNKS, STYLE, RaftOptions(p=0.7), seed=3)
    share = sum(row.has_gold for row in rows) / len(rows)
    assert 0.62 < share < 0.78
    assert rows_digest(rows) == rows_digest(
        build_raft(examples, RETRIEVER, CHUNKS, STYLE, RaftOptions(p=0.7), seed=3)
    )
    assert rows_digest(rows) != rows_digest(
        build_raft(examples, RETRIEVER, CHUNKS, STYLE, RaftOptions(p=0.7), seed=4)
    )


def test_quoting_style_puts_the_sentence_before_the_answer():
    chunks = [replace(chunk, text=f"It stands in a hall. {chunk.text} Do not lean.") for chunk in CHUNKS]
    rows = build_raft(
        EXAMPLES, FakeRetriever(chunks), chunks, replace(STYLE, quotes=True), RaftOptions(p=1.0, k=3)
    )
    assert "“The box number 2 is painted cyan.”" in target(rows[2])
    assert target(rows[2]).index("“") < target(rows[2]).rindex("cyan")
    assert "hall" not in target(rows[2])


def test_unanswerable_examples_refuse_and_keep_a_written_refusal():
    plain = replace(EXAMPLES[0], id="u1", references=(), evidence=(), is_answerable=False)
    written = replace(plain, id="u2", references=("Please ask the desk.",))
    rows = build_raft([*EXAMPLES, plain, written], RETRIEVER, CHUNKS, STYLE, RaftOptions(p=1.0, refusals=0.2))
    assert [target(row) for row in rows[-2:]] == ["Not in the documents.", "Please ask the desk."]


def test_refusals_are_limited_to_a_share_of_the_answerable_examples():
    silent = [
        replace(EXAMPLES[0], id=f"u{n}", references=(), evidence=(), is_answerable=False) for n in range(9)
    ]
    rows = build_raft([*EXAMPLES, *silent], RETRIEVER, CHUNKS, STYLE, RaftOptions(p=1.0, refusals=0.3))
    assert sum(target(row) == "Not in the documents." for row in rows) == 3
    assert len(rows) == 13


@pytest.mark.parametrize(
    ("text", "numbers", "cites", "expected"),
    [
        ("Blue", [2], True, "Blue [2]"),
        ("Blue", [None], True, "Blue"),
        ("Blue", [2], False, "Blue"),
        ("Rule 5 [1]. It costs $7 [2].", [3, 1], True, "Rule 5 [3]. It costs $7 [1]."),
        ("Rule 5 [1]. It costs $7 [2].", [3, None], True, "Rule 5 [3]. It costs $7."),
        ("Rule 5 [1]. It costs $7.", [4], False, "Rule 5. It costs $7."),
        ("年费为100元[1]。", [2], True, "年费为100元[2]。"),
    ],
)
def test_markers_follow_the_passages(text, numbers, cites, expected):
    assert bind_markers(text, numbers, cites) == expected


def test_held_out_examples_are_refused():
    held_out = replace(EXAMPLES[0], split="held_out", origin="examples.jsonl:7")
    for build in (
        lambda: build_sft([*EXAMPLES, held_out], STYLE),
        lambda: build_raft([*EXAMPLES, held_out], RETRIEVER, CHUNKS, STYLE, RaftOptions()),
        lambda: build_pairs([*EXAMPLES, held_out], RETRIEVER, CHUNKS),
    ):
        with pytest.raises(DataError, match=r"examples\.jsonl:7.*held_out"):
            build()


def test_three_examples_are_too_few():
    with pytest.raises(DataError, match="There are 3 training examples; training needs at least 8"):
        build_sft(EXAMPLES[:3], STYLE)


def test_rows_survive_the_file_and_name_their_groups(tmp_path):
    chunks = [replace(chunk, groups=frozenset({"staff", "audit"})) for chunk in CHUNKS]
    examples = [replace(item, groups=frozenset({"staff"})) for item in EXAMPLES]
    rows = build_grounded(examples, FakeRetriever(chunks), chunks, STYLE, k=2)
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl") == rows
    assert plain_groups(rows[0].groups) == [["audit", "staff"], ["staff"]]
    first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]


def test_a_row_that_does_not_end_with_the_assistant_is_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:1: is not a chat row"):
        read_rows(tmp_path / "rows.jsonl")


def test_evidence_prefers_the_chunk_with_the_quote():
    chunks = [
        Chunk("a", "guide.md", "Blue is mentioned here. A color, a box.", 0, 39, source="guide.md"),
        Chunk("b", "guide.md", "The box is\nblue all over.", 40, 64, source="guide.md"),
    ]
    example = Example("e", "What color has the box?", ("blue",), (Evidence("guide.md", "the box is blue"),))
    assert [chunk.id for chunk in EvidenceChunks(chunks).find(example)] == ["b"]
    assert EvidenceChunks(chunks).find(replace(example, evidence=(Evidence("none.md"),))) == []


def test_negatives_never_hold_the_answer():
    example = Example("e", "Which?", ("New York",))
    hits = [
        Hit(Chunk("a", "d1", "It was in NEW  york.", 0, 20), 3.0),
        Hit(Chunk("b", "d2", "It was in Newport, York.", 0, 24), 2.0),
        Hit(Chunk("c", "d3", "Gold.", 0, 5), 1.0),
    ]
    assert holds_answer(hits[0].chunk, example)
    assert [hit.chunk.id for hit in negatives(hits, example, [hits[2].chunk])] == ["b"]


def test_parity_text_stays_within_its_budget_and_names_its_documents():
    rows = build_parity_text(CHUNKS, lambda texts: [8 for _ in texts], 50, seed=1)
    assert len(rows) == 6
    assert {target(row) for row in rows} <= {chunk.text for chunk in CHUNKS}
    assert all(len(row.documents) == 1 and row.examples == () for row in rows)
    assert build_parity_text(CHUNKS, lambda texts: [8 for _ in texts], 0) == []
    assert build_parity_text([], lambda texts: [], 50) == []


def test_pairs_have_hard_negatives_of_other_documents(tmp_path):
    pairs = build_pairs(EXAMPLES, RETRIEVER, CHUNKS, negatives_per_pair=2)
    assert [pair.positive.document_id for pair in pairs] == [f"doc{n}" for n in range(10)]
    for pair in pairs:
        assert len(pair.negatives) == 2
        assert pair.positive.document_id not in {chunk.document_id for chunk in pair.negatives}
        assert len(pair.documents) == 3
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    row = json.loads((tmp_path / "pairs.jsonl").read_text().splitlines()[0])
    assert row["positive"] == CHUNKS[0].text
    assert row["metadata"]["examples"] == ["e0"]
