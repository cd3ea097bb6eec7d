"""The pipeline on fakes: what is delivered, what is refused, what is counted."""

import json
from collections.abc import Callable, Sequence

import pytest

from knowhow.generation.pipeline import BELOW_THRESHOLD, AnswerPipeline
from knowhow.generation.prompts import PromptStyle, Shot
from knowhow.protocols import Pipeline, TextSink
from knowhow.testing.fakes import FakeGenerator, FakeRetriever
from knowhow.timing import measure
from knowhow.types import Chunk, Completion, Conversation, Decoding, Format, Hit, Query

TEXTS = {
    "card": "A lost card costs $6 to replace.",
    "cheque": "A cheque costs $7.50.",
    "staff": "Staff waive any card fee.",
}
CHUNKS = [
    Chunk(
        name,
        f"{name}.md",
        text,
        0,
        len(text),
        groups=frozenset({"staff"}) if name == "staff" else frozenset(),
    )
    for name, text in TEXTS.items()
]
FORM = Format(sections=("[Rule]", "[Answer]"), banned=("guarantee",), max_words=30)
GOOD = "[Rule] A lost card costs $6 [1]. [Answer] It costs $6."


def pipeline(
    reply: Callable[[Conversation], str] | Sequence[str], form: Format | None = None, **options: object
) -> tuple[AnswerPipeline, FakeGenerator]:
    texts = iter(()) if callable(reply) else iter(reply)
    generator = FakeGenerator(reply if callable(reply) else lambda conversation: next(texts))
    style = PromptStyle(form=form or Format(), quotes=bool(options.pop("quotes", False)))
    return AnswerPipeline(generator, style, FakeRetriever(CHUNKS), **options), generator  # type: ignore[arg-type]


def test_answers_with_citation_hits_and_counts() -> None:
    built, generator = pipeline(["It costs $6 [1]."], index_version=lambda: "v7", release="r1")
    assert isinstance(built, Pipeline)
    (answer,) = built.answer([Query("What does a lost card cost?")])
    assert answer.text == "It costs $6 [1]."
    assert [citation.quote for citation in answer.citations] == [TEXTS["card"]]
    assert (answer.index_version, answer.release, answer.error) == ("v7", "r1", None)
    assert [hit.chunk.id for hit in answer.hits] == ["card", "cheque"]
    assert answer.prompt == generator.seen[0]
    assert answer.prompt_tokens > answer.completion_tokens > 0
    assert {"retrieve", "render", "prefill", "decode", "first_token"} <= set(answer.timings_ms)
    assert answer.latency_ms == pytest.approx(
        sum(value for name, value in answer.timings_ms.items() if name != "first_token"), abs=0.01
    )


def test_a_reader_without_the_group_never_prompts_with_the_passage() -> None:
    built, generator = pipeline(lambda conversation: "Yes.")
    built.answer(
        [Query("Who may waive a card fee?"), Query("Who may waive a card fee?", frozenset({"staff"}))]
    )
    shown = ["Staff waive" in conversation[-1].content for conversation in generator.seen]
    assert shown == [False, True]


def test_no_evidence_abstains_without_asking_the_model() -> None:
    built, generator = pipeline(["unused"])
    (answer,) = built.answer([Query("zebra")])
    assert (answer.text, answer.abstained) == ("This is not in the documents.", True)
    assert answer.notes == (BELOW_THRESHOLD,)
    assert generator.seen == []


def test_threshold_compares_the_best_hit() -> None:
    built, generator = pipeline(["It costs $6 [1]."], threshold=99.0)
    (answer,) = built.answer([Query("lost card")])
    assert answer.abstained
    assert generator.seen == []


def test_the_models_own_abstention_is_recognised_and_cites_nothing() -> None:
    built, _ = pipeline(["This is not in the documents."])
    (answer,) = built.answer([Query("lost card")])
    assert answer.abstained
    assert answer.citations == ()


def test_form_is_repaired_once_and_the_repair_is_noted() -> None:
    built, generator = pipeline(["It costs $6.", GOOD], FORM)
    (answer,) = built.answer([Query("lost card")])
    assert (answer.text, answer.violations, answer.error) == (GOOD, (), None)
    assert "asked once more" in answer.notes[0]
    assert "The section '[Rule]' is missing." in generator.seen[1][-1].content
    assert answer.completion_tokens > 3


def test_what_stays_invalid_is_refused_with_its_violations() -> None:
    built, generator = pipeline(["It costs $6.", "Still $6."], FORM)
    (answer,) = built.answer([Query("lost card")])
    assert answer.text == ""
    assert answer.error is not None
    assert "The section '[Rule]' is missing." in answer.error
    assert answer.violations
    assert "Refused text: It costs $6." in answer.notes
    assert len(generator.seen) == 2


def test_flagging_delivers_the_text_with_its_violations() -> None:
    built, _ = pipeline(["It costs $6 [1].", "Still $6."], FORM, on_violation="flag")
    (answer,) = built.answer([Query("lost card")])
    assert answer.text == "It costs $6 [1]."
    assert answer.error is None
    assert answer.violations


def test_slips_of_form_are_mended_without_the_model() -> None:
    built, generator = pipeline([f"Sure! {GOOD}"], FORM)
    assert built.answer([Query("lost card")])[0].text == GOOD
    assert len(generator.seen) == 1


def test_json_answers_are_checked_against_the_schema() -> None:
    schema = json.dumps(
        {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}
    )
    built, _ = pipeline(['```json\n{"price": 6}\n```', '{"cost": 6}', '{"cost": 7}'], Format(schema=schema))
    first, second = built.answer([Query("lost card")])[0], built.answer([Query("lost card")])[0]
    assert first.text == '{"price": 6}'
    assert second.text == ""
    assert "'price' is a required property" in str(second.error)


def test_quoting_style_delivers_the_answer_and_cites_the_quote() -> None:
    built, _ = pipeline(["Quote: “A lost card costs $6 to replace.” [1]\nAnswer: Six dollars."], quotes=True)
    (answer,) = built.answer([Query("lost card")])
    assert answer.text == "Six dollars."
    assert [(citation.quote, citation.is_inferred) for citation in answer.citations] == [
        (TEXTS["card"], True)
    ]


def test_one_question_too_long_does_not_stop_the_batch() -> None:
    built, _ = pipeline(lambda conversation: "It costs $6 [1].")
    long, short = built.answer([Query("card " * 3000), Query("lost card")])
    assert long.text == ""
    assert "Shorten it" in str(long.error)
    assert short.text == "It costs $6 [1]."


def test_closed_book_answers_cite_nothing() -> None:
    generator = FakeGenerator(lambda conversation: "Six dollars [1].")
    built = AnswerPipeline(generator, PromptStyle(is_grounded=False))
    (answer,) = built.answer([Query("lost card")])
    assert (answer.text, answer.citations, answer.hits) == ("Six dollars [1].", (), ())
    assert "retrieve" not in answer.timings_ms


def test_shots_are_chosen_per_question() -> None:
    chosen = lambda queries: [[Shot(f"like {query.text}", "so")] for query in queries]  # noqa: E731
    built, generator = pipeline(lambda conversation: "x", shots=chosen)
    built.answer([Query("lost card"), Query("cheque")])
    assert [seen[1].content for seen in generator.seen] == [
        "Question: like lost card",
        "Question: like cheque",
    ]


def test_streamed_positions_are_those_of_the_queries() -> None:
    built, _ = pipeline(lambda conversation: "It costs $6 [1].")
    seen: list[tuple[int, str]] = []
    built.answer([Query("zebra"), Query("lost card")], lambda place, text: seen.append((place, text)))
    assert seen == [(1, "It costs $6 [1].")]


def test_errors_of_the_generator_stay_with_their_question() -> None:
    class Failing(FakeGenerator):
        def generate(
            self, conversations: Sequence[Conversation], decoding: Decoding, on_text: TextSink | None = None
        ) -> list[Completion]:
            found = super().generate(conversations, decoding, on_text)
            return [Completion("", finish="error", error="openai: it broke"), *found[1:]]

    built = AnswerPipeline(
        Failing(lambda conversation: "$6 [1]"),
        PromptStyle(form=FORM),
        FakeRetriever(CHUNKS),
        on_violation="flag",
    )
    first, second = built.answer([Query("lost card"), Query("cheque")])
    assert first.error == "openai: it broke"
    assert first.text == ""
    assert second.error is None


def test_stages_inside_the_retriever_are_reported() -> None:
    class Staged(FakeRetriever):
        def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]:
            with measure("embed"):
                pass
            with measure("search"):
                return super().retrieve(queries, k)

    built = AnswerPipeline(FakeGenerator(), PromptStyle(), Staged(CHUNKS))
    (answer,) = built.answer([Query("lost card")])
    assert {"embed", "search", "retrieve"} <= set(answer.timings_ms)
    assert built.answer([]) == []
