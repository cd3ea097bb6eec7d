"""One rule for what evidence points at: names, quotes, answers, nearness."""

from __future__ import annotations

import pytest

from knowhow.evidence import EvidenceChunks, name_documents
from knowhow.types import Chunk, Evidence, Example

FEES = ["A card costs five euros.", "A transfer costs\n  two Euros.", "Cash is free. A transfer is slow."]
CHUNKS = [
    *(Chunk(f"f{place}", "faq.jsonl#fees", text, 100 * place, 100 * place + len(text), source="faq.jsonl") for place, text in enumerate(FEES)),
    Chunk("h0", "faq.jsonl#hours", "We open at nine.", 0, 16, source="faq.jsonl"),
    Chunk("r0", "rules/a.md", "Paragraph one is void.", 0, 22, source="rules/a.md"),
    Chunk("r1", "old/a.md", "Paragraph one stands.", 0, 21, source="old/a.md"),
]  # fmt: skip


def example(question: str, *evidence: Evidence, answer: str = "") -> Example:
    return Example("e", question, (answer,) if answer else (), evidence)


@pytest.mark.parametrize(
    ("asked", "best", "ranked"),
    [
        # The quote decides, white space and case aside.
        (example("How much?", Evidence("fees", "a TRANSFER costs two euros")), ["f1"], ["f1"]),
        # Without a quote: what holds the answer word for word, then what shares most words.
        (example("What is a transfer?", Evidence("fees"), answer="five euros"), ["f0"], ["f0", "f1", "f2"]),
        (example("Is cash free?", Evidence("fees")), ["f2"], ["f2", "f0", "f1"]),
        # A quote that stands nowhere counts by its words.
        (example("Price?", Evidence("fees", "transfers cost about two euros")), ["f1"], ["f1", "f0", "f2"]),
        # A bare quote is looked for in all documents; where none holds it, training has no gold.
        (example("When?", Evidence("", "We open at nine.")), ["h0"], ["h0"]),
        (example("When?", Evidence("", "We close at ten.")), [], None),
        # A file name that two documents share leads to none of them; an unknown one neither.
        (example("One?", Evidence("a.md")), [], []),
        (example("One?", Evidence("old/a.md")), ["r1"], ["r1"]),
        (example("One?", Evidence("missing.md")), [], []),
        # Two pieces of evidence in their order, without repeats.
        (
            example("?", Evidence("hours", "open"), Evidence("fees", "free"), Evidence("hours", "nine")),
            ["h0", "f2"],
            ["h0", "f2"],
        ),
    ],
)
def test_evidence_points_at_chunks(asked: Example, best: list[str], ranked: list[str] | None) -> None:
    evidence = EvidenceChunks(CHUNKS)
    assert [chunk.id for chunk in evidence.find(asked)] == best
    if ranked is not None:
        assert [chunk.id for chunk in evidence.find_all(asked)] == ranked


def test_documents_that_evidence_names() -> None:
    asked = example("?", Evidence("fees"), Evidence("rules/a.md"), Evidence("a.md"), Evidence("nowhere"))
    assert EvidenceChunks(CHUNKS).documents_of(asked) == {"faq.jsonl#fees", "rules/a.md"}


def test_names_that_are_shared_lead_nowhere() -> None:
    names = name_documents([("x/a.md", "x/a.md"), ("y/a.md", "y/a.md"), ("b.jsonl#1", "b.jsonl")])
    assert names == {"x/a.md": "x/a.md", "y/a.md": "y/a.md", "b.jsonl": "b.jsonl#1", "1": "b.jsonl#1", "b.jsonl#1": "b.jsonl#1"}  # fmt: skip
