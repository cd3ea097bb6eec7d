"""The last turn made to stand alone: topics are carried over where a turn leans back, and nothing is added where it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from knowhow.generation.pipeline import AnswerPipeline
from knowhow.generation.prompts import PromptStyle
from knowhow.generation.standalone import leans_back, stand_alone
from knowhow.testing.fakes import FakeGenerator, FakeRetriever
from knowhow.types import Chunk, Message, Query, Role


def talk(*turns: str) -> tuple[Message, ...]:
    """User and assistant in turn."""
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(Message(roles[place % 2], text) for place, text in enumerate(turns))


ENGLISH = talk("How long is the warranty of a Tarn thermostat?", "Three years from the invoice date.")
TWO = talk(
    "Which dressing suits a deep wound?",
    "A moss dressing.",
    "How often is it changed?",
    "Every second day.",
)
CHINESE = talk("哈勃储蓄账户的利率是多少？", "年利率百分之二。")
JAPANESE = talk("普通預金口座の月額手数料はいくらですか。", "四百円です。")


@pytest.mark.parametrize(
    ("question", "history", "wanted"),
    [
        ("And for the Beck?", ENGLISH, "long warranty Tarn thermostat And for the Beck?"),
        ("Does it cover water damage?", ENGLISH, "long warranty Tarn thermostat Does it cover water damage?"),
        ("And at night?", TWO, "dressing suits deep wound often changed And at night?"),
        ("Why?", ENGLISH, "long warranty Tarn thermostat Why?"),
        (
            "Where can visitors park near the Penwick shop?",
            ENGLISH,
            "Where can visitors park near the Penwick shop?",
        ),
        ("And for the Beck?", (), "And for the Beck?"),
        ("那它的上限呢？", CHINESE, "哈勃储蓄账户 利率 那它的上限呢？"),
        ("定期存款提前支取有什么损失？", CHINESE, "定期存款提前支取有什么损失？"),
        ("それは無料になりますか。", JAPANESE, "普通預金口座 月額手数料 それは無料になりますか。"),
    ],
)
def test_what_is_searched_for(question: str, history: tuple[Message, ...], wanted: str) -> None:
    assert stand_alone(Query(question, history=history)).text == wanted


@pytest.mark.parametrize(
    ("question", "is_leaning"),
    [
        ("What about children?", True),
        ("Is that covered?", True),
        ("Price?", True),
        ("How do I reset the Brook hub after a failed update?", False),
        ("这个要收费吗？", True),
        ("另外，周末呢？", True),
        ("信用卡年费可以减免吗？", False),
        ("その手数料は？", True),
        ("住宅ローンの繰り上げ返済手数料を教えてください", False),
    ],
)
def test_which_questions_lean_on_earlier_turns(question: str, is_leaning: bool) -> None:
    assert leans_back(question) is is_leaning


def test_words_of_the_question_are_not_repeated_and_the_topic_is_not_taken_from_answers() -> None:
    history = talk("Is the Tarn warranty transferable?", "Yes, with the invoice of the first owner.")
    text = stand_alone(Query("Is the warranty longer for it?", history=history)).text
    assert text == "Tarn transferable Is the warranty longer for it?"


def test_only_so_many_words_are_carried_over() -> None:
    history = talk(" ".join(f"word{number}" for number in range(60)))
    assert len(stand_alone(Query("And that?", history=history)).text.split()) == 14 + 2


@given(some.text(max_size=80), some.lists(some.text(max_size=60), max_size=4))
def test_any_conversation_keeps_the_question_its_groups_and_its_history(
    question: str, turns: list[str]
) -> None:
    query = Query(question, frozenset({"staff"}), talk(*turns))
    found = stand_alone(query)
    assert found.text.strip().endswith(question.strip())
    assert (found.groups, found.history) == (query.groups, query.history)


def test_the_pipeline_searches_for_it_but_shows_the_model_what_was_said() -> None:
    texts = {"a": "A Tarn thermostat has a warranty of three years.", "b": "Shops close on Sunday."}
    chunks = [Chunk(name, name, text, 0, len(text)) for name, text in texts.items()]
    generator = FakeGenerator()
    pipeline = AnswerPipeline(generator, PromptStyle(), FakeRetriever(chunks), k=1)
    answer = pipeline.answer([Query("And for how long?", history=ENGLISH)])[0]
    assert answer.hits[0].chunk.id == "a"
    assert answer.notes[0] == "Searched for: warranty Tarn thermostat And for how long?"
    assert "And for how long?" in generator.seen[0][-1].content
    assert "warranty Tarn" not in generator.seen[0][-1].content
    plain = pipeline.answer([Query("When do shops close?")])[0]
    assert not any(note.startswith("Searched for") for note in plain.notes)
