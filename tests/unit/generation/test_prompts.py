"""The one renderer: what the model sees, and what is cut when it does not fit."""

import pytest

from knowhow.errors import DataError
from knowhow.generation.prompts import (
    Passage,
    PromptStyle,
    Shot,
    describe_format,
    render,
    render_target,
    render_within,
    split_target,
)
from knowhow.language import words
from knowhow.types import Chunk, Format, Hit, Message, Query, Role


def hit(name: str, text: str, title: str = "", heading: tuple[str, ...] = ()) -> Hit:
    return Hit(Chunk(name, f"doc-{name}", text, 0, len(text), title=title, heading=heading), 1.0)


def count(texts: list[str]) -> list[int]:
    return [len(words(text)) for text in texts]


HITS = [
    hit("a", "A lost card costs $6. It takes five days. Staff decide.", "Card Guide", ("Card Guide", "Fees")),
    hit("b", "A cheque costs $7.50. Cheques are slow.", "Cheques"),
]


def test_grounded_prompt_numbers_passages_and_ends_with_the_question() -> None:
    prompt = render(Query("What does a card cost? "), HITS, PromptStyle())
    system, user = prompt.conversation
    assert system.role == Role.SYSTEM
    assert system.content == (
        "Answer the question from the numbered passages only.\nAfter each statement cite the passage it rests on as [n].\n"
        "If the answer is not there, reply exactly: This is not in the documents."
    )
    assert user.content == (
        "[1] Card Guide – Fees\nA lost card costs $6. It takes five days. Staff decide.\n\n"
        "[2] Cheques\nA cheque costs $7.50. Cheques are slow.\n\nQuestion: What does a card cost?"
    )
    assert [passage.number for passage in prompt.passages] == [1, 2]


def test_closed_book_prompt_speaks_of_no_passages() -> None:
    system, user = render(Query("What?"), [], PromptStyle(is_grounded=False)).conversation
    assert system.content == "Answer the question."
    assert user.content == "Question: What?"


def test_system_turn_is_shared_by_all_questions() -> None:
    style = PromptStyle(
        instructions="Speak plainly.", form=Format(sections=("[A]", "[B]"), banned=("!",), max_words=9)
    )
    first, second = (
        render(Query(text), HITS[:n], style).conversation[0] for text, n in (("One?", 1), ("Two?", 2))
    )
    assert first == second
    assert first.content.startswith("Speak plainly.\n")
    assert "[A] [B]" in first.content
    assert "Never use: “!”" in first.content
    assert "at most 9 words" in first.content


@pytest.mark.parametrize(
    ("language", "label", "not_found"),
    [
        ("zh", "问题：", "文件中没有相关内容。"),
        ("zh-Hant", "問題：", "文件中沒有相關內容。"),
        ("ja", "質問：", "文書には記載がありません。"),
        ("de", "Question:", "This is not in the documents."),
    ],
)
def test_fixed_phrases_follow_the_language(language: str, label: str, not_found: str) -> None:
    style = PromptStyle(language=language)
    system, user = render(Query("X"), HITS, style).conversation
    assert user.content.endswith(f"{label} X")
    assert not_found in system.content
    assert style.agreed_not_found == not_found


def test_shots_and_history_stand_before_the_question() -> None:
    query = Query("Now?", history=(Message(Role.USER, "Before?"), Message(Role.ASSISTANT, "Yes.")))
    shots = [Shot("Example?", "Right.", (HITS[1],))]
    turns = render(query, HITS[:1], PromptStyle(), shots).conversation
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert turns[1].content.startswith("[1] Cheques")
    assert turns[3].content == "Before?"


def test_schema_is_shown_compact() -> None:
    text = describe_format(Format(schema='{\n "type" : "object"\n}'), "en")
    assert text == 'Reply with JSON only that follows this JSON Schema: {"type":"object"}'
    assert describe_format(Format(), "en") == ""


def test_what_fits_is_rendered_whole_and_without_notes() -> None:
    prompt = render_within(Query("What?"), HITS, PromptStyle(), room=500, count=count)
    assert prompt == render(Query("What?"), HITS, PromptStyle())


def test_passages_are_cut_at_sentences_and_said_so() -> None:
    style = PromptStyle()
    bare = render_within(Query("What?"), [], style, room=500, count=count)
    fixed = sum(count([turn.content for turn in bare.conversation])) + 8 * 3
    # Line "[1] Card Guide – Fees" and the first sentence take 4 + 5 words, two more are kept for the blank line.
    prompt = render_within(Query("What?"), HITS, style, room=fixed + 12, count=count)
    assert [passage.text for passage in prompt.passages] == ["A lost card costs $6."]
    assert prompt.notes == (
        "1 of 2 passages did not fit the context window and were not read by the model.",
        "Passage [1] was cut after 21 of 55 characters to fit the context window.",
    )
    assert "It takes five days" not in prompt.conversation[-1].content


def test_every_rendered_prompt_fits_its_room() -> None:
    many = [hit(str(number), "Words and more words. " * 9, "Title") for number in range(6)]
    for room in range(80, 400, 20):
        prompt = render_within(Query("What is it?"), many, PromptStyle(), room=room, count=count)
        assert sum(count([turn.content for turn in prompt.conversation])) + 8 * 3 <= room


def test_shots_go_before_passages() -> None:
    shots = [Shot("Far example? " * 20, "Far."), Shot("Near example?", "Near.")]
    prompt = render_within(Query("What?"), HITS, PromptStyle(), room=140, count=count, shots=shots)
    text = "\n".join(turn.content for turn in prompt.conversation)
    assert "Near example?" in text
    assert "Far example?" not in text
    assert len(prompt.passages) == 2
    assert prompt.notes == ("1 example turns did not fit the context window and were left out.",)


def test_a_question_that_does_not_fit_alone_is_an_error() -> None:
    with pytest.raises(DataError, match="Shorten it"):
        render_within(Query("word " * 400), HITS, PromptStyle(), room=100, count=count)


def test_quoting_style_goes_there_and_back() -> None:
    style = PromptStyle(quotes=True)
    text = render_target("It costs $6 [1].", style, "A lost card\ncosts $6.", 1)
    assert text == "Quote: “A lost card costs $6.” [1]\nAnswer: It costs $6 [1]."
    assert split_target(text, style) == ("“A lost card costs $6.” [1]", "It costs $6 [1].")
    assert split_target("It costs $6.", style) == ("", "It costs $6.")
    assert render_target("It costs $6.", PromptStyle(), "unused") == "It costs $6."


def test_passage_text_is_what_was_shown() -> None:
    assert Passage(1, HITS[0], 6).text == "A lost"


def test_a_heading_is_not_said_twice() -> None:
    text = "## 2. Time limit\n\nA dispute must reach us within 60 days."
    shown = hit("a", text, "Disputes", ("Disputes", "2. Time limit"))
    user = render(Query("When?"), [shown], PromptStyle()).conversation[-1]
    assert user.content.startswith("[1] Disputes – 2. Time limit\nA dispute must")
    alone = hit("a", "2. Time limit", "Disputes", ("2. Time limit",))
    assert (
        "2. Time limit\n2. Time limit"
        in render(Query("When?"), [alone], PromptStyle()).conversation[-1].content
    )
