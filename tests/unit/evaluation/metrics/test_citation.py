import pytest

from knowhow.evaluation.metrics.citation import (
    citation_coverage,
    citation_support,
    citation_validity,
    cited_sentences,
    find_markers,
)
from knowhow.types import Answer, Chunk, Citation, Example, Hit

EXAMPLE = Example("1", "?")
TEXT = "Harbour Bank charges a fee of 3 euros for each withdrawal abroad."
CHUNK = Chunk("c1", "d1", TEXT, 50, 50 + len(TEXT))
OTHER = Chunk("c2", "d2", "Branches open at nine on weekdays.", 0, 34)
GOOD = Citation(1, "c1", "d1", 50, 50 + len(TEXT), TEXT)


def answer(text, *citations):
    return Answer(text, citations, hits=(Hit(CHUNK, 1.0), Hit(OTHER, 0.5)))


def test_markers_and_the_sentences_they_belong_to():
    assert find_markers("a [1], b [2, 4] c [5-7] d [2019]") == [(2, (1,)), (9, (2, 4)), (18, (5, 6, 7))]
    assert cited_sentences("One is true [1]. Two is not. [2] Three follows.") == [
        ("One is true.", (1,)),
        ("Two is not.", (2,)),
        (" Three follows.", ()),
    ]


@pytest.mark.parametrize(
    ("citations", "expected"),
    [
        ([GOOD], 1.0),
        ([], 0.0),
        ([Citation(1, "c9", "d1", 50, 60)], 0.0),
        ([Citation(1, "c1", "d2", 50, 60)], 0.0),
        ([Citation(1, "c1", "d1", 40, 60)], 0.0),
        ([Citation(1, "c1", "d1", 50, 57, "Another")], 0.0),
        ([Citation(1, "c1", "d1", 50, 62, "Harbour Bank")], 1.0),
    ],
)
def test_a_citation_is_valid_when_chunk_span_and_quote_hold(citations, expected):
    assert citation_validity(EXAMPLE, answer("The fee is 3 euros [1].", *citations)) == expected


def test_support_looks_only_at_what_is_cited():
    text = "Harbour Bank charges 3 euros for each withdrawal abroad"
    wrong = Citation(2, "c2", "d2", 0, 34)
    assert citation_support(EXAMPLE, answer(f"{text} [1].", GOOD)) == 1.0
    assert citation_support(EXAMPLE, answer(f"{text} [2].", wrong)) == 0.0
    assert citation_support(EXAMPLE, answer(f"{text} [1]. {text} [2].", GOOD, wrong)) == 0.5
    assert citation_support(EXAMPLE, answer(f"{text.replace('3', '30')} [1].", GOOD)) == 0.0
    assert citation_support(EXAMPLE, answer(text)) is None


def test_inferred_citations_without_a_marker_stand_for_every_sentence():
    inferred = Citation(1, "c1", "d1", 50, 50 + len(TEXT), TEXT, is_inferred=True)
    text = "Harbour Bank charges 3 euros for each withdrawal abroad."
    assert citation_validity(EXAMPLE, answer(text, inferred)) == 1.0
    assert citation_support(EXAMPLE, answer(f"{text} Penguins swim.", inferred)) == 0.5
    assert citation_coverage(EXAMPLE, answer(text, inferred)) == 0.0


def test_coverage_counts_sentences_with_a_marker():
    assert citation_coverage(EXAMPLE, answer("One [1]. Two.", GOOD)) == 0.5
    assert citation_coverage(EXAMPLE, Answer("Not in the documents.", abstained=True)) is None
