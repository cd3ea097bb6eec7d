"""Citations: verified markers, the span that carries them, and what is inferred."""

from hypothesis import given
from hypothesis import strategies as st

from knowhow.generation.citations import best_span, bind, remove_markers
from knowhow.generation.prompts import Passage
from knowhow.types import Chunk, Hit

CARD = "Cards are posted. A lost card costs $6 to replace. It takes five days."
CHEQUE = "Cheques are slow. A cheque costs $7.50."


def passages(shown: int | None = None) -> list[Passage]:
    found = []
    for number, (name, text, start) in enumerate([("card", CARD, 100), ("cheque", CHEQUE, 0)], start=1):
        chunk = Chunk(
            name, f"{name}.md", text, start, start + len(text), source=f"{name}.md", page=3, heading=("Fees",)
        )
        found.append(Passage(number, Hit(chunk, 1.0), len(text) if shown is None else shown))
    return found


def test_marker_is_bound_to_the_sentence_that_carries_it() -> None:
    bound = bind("A new card costs $6 [1].", passages())
    (citation,) = bound.citations
    assert citation.quote == "A lost card costs $6 to replace."
    assert (citation.start, citation.end) == (118, 150)
    assert (citation.number, citation.chunk_id, citation.document_id) == (1, "card", "card.md")
    assert (citation.page, citation.heading, citation.source) == (3, ("Fees",), "card.md")
    assert not citation.is_inferred
    assert bound.notes == ()


def test_markers_of_absent_passages_are_taken_out_and_noted() -> None:
    bound = bind("It costs $6 [1, 7]. It is blue [9].", passages())
    assert bound.text == "It costs $6 [1]. It is blue."
    assert [citation.number for citation in bound.citations] == [1]
    assert bound.notes == (
        "The answer cited passage [7], which was not given; the marker was removed.",
        "The answer cited passage [9], which was not given; the marker was removed.",
    )


def test_full_width_markers_count_and_a_number_is_cited_once() -> None:
    bound = bind("卡费$6【1】。支票$7.50［2］。又是卡[1]。", passages())
    assert [citation.number for citation in bound.citations] == [1, 2]


def test_marker_after_the_full_stop_belongs_to_the_sentence_before() -> None:
    bound = bind("A cheque costs $7.50. [2] It takes five days. [1]", passages())
    assert [citation.quote for citation in bound.citations] == [
        "A cheque costs $7.50.",
        "It takes five days.",
    ]


def test_quote_is_found_word_for_word_whatever_the_white_space() -> None:
    bound = bind("Six dollars [1].", passages(), quote="“a lost  card\ncosts $6 to replace.” [1]")
    assert bound.citations[0].quote == "A lost card costs $6 to replace."


def test_spans_end_where_the_model_stopped_reading() -> None:
    bound = bind("It takes five days [1].", passages(shown=50))
    assert bound.citations[0].end <= 150


def test_uncited_answer_is_bound_by_its_words_and_says_so() -> None:
    bound = bind("A lost card costs $6.", passages())
    assert [(citation.number, citation.is_inferred) for citation in bound.citations] == [(1, True)]
    assert bound.text == "A lost card costs $6."
    assert bound.notes == ("The answer cited nothing; its source was inferred from its words.",)


def test_unsupported_answer_stays_uncited() -> None:
    bound = bind("Penguins live in Antarctica.", passages())
    assert bound.citations == ()
    assert bound.notes == ()


def test_structured_answers_are_never_rewritten() -> None:
    text = '{"price": 6, "sources": [9]}'
    assert bind(text, passages(), is_structured=True).text == text


def test_best_span_takes_two_sentences_only_where_one_is_not_enough() -> None:
    span, share = best_span(CARD, "a lost card costs $6 and takes five days")
    assert CARD[slice(*span)] == "A lost card costs $6 to replace. It takes five days."
    assert share == 8 / 9


def test_markers_go_with_the_space_before_them() -> None:
    assert remove_markers("It costs $6 [1], or $7 [2][3].") == "It costs $6, or $7."


@given(text=st.text(alphabet=st.sampled_from("ab. [1]29,【】\n$"), max_size=60))
def test_every_citation_points_into_what_was_given(text: str) -> None:
    bound = bind(text, passages())
    for citation in bound.citations:
        passage = passages()[citation.number - 1]
        chunk = passage.hit.chunk
        assert chunk.start <= citation.start <= citation.end <= chunk.end
        assert chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote


SECTIONS = ("[Policy basis]", "[Plain answer]")


def test_headings_of_the_form_support_nothing() -> None:
    text = "[Policy basis] A lost card. [Plain answer] Costs $6 here."
    assert bind(text, passages()).citations == ()
    assert [found.number for found in bind(text, passages(), sections=SECTIONS).citations] == [1]


def test_a_figure_that_the_passage_lacks_is_never_inferred_to_rest_on_it() -> None:
    assert bind("A lost card costs $9 to replace.", passages()).citations == ()
    assert bind("A lost card costs $6 to replace.", passages()).citations[0].is_inferred
