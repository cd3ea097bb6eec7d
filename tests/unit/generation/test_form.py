"""Keeping to a form: grammars, mending, asking again, and telling an abstention."""

import json

import pytest

from knowhow.errors import ConfigError
from knowhow.generation.abstention import is_absent, is_abstention, relevance
from knowhow.generation.enforcement import ask_again, mend
from knowhow.generation.grammars import check_enforceable, make_grammar, section_grammar
from knowhow.types import Chunk, Format, Hit, Message, Role

SECTIONS = ("[Policy basis]", "[Plain answer]")


def test_section_grammar_holds_the_headings_in_order() -> None:
    grammar = section_grammar(SECTIONS)
    root = grammar.splitlines()[0]
    assert root == 'root ::= "[Policy basis]" gap body "\\n"? "[Plain answer]" gap body'
    assert "[^\\[\\n]" in grammar
    assert '"[" [0-9]+' in grammar
    assert make_grammar(Format(banned=("x",), max_words=3)) == ""


def test_schema_becomes_a_grammar_without_room_for_white_space() -> None:
    grammar = make_grammar(Format(schema='{"type": "object", "properties": {"a": {"type": "integer"}}}'))
    assert '"whitespace_flexible":false' in grammar.replace(" ", "")
    assert '"type":"integer"' in grammar.replace(" ", "")


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"not": {}}, "'not' at the top"),
        ({"properties": {"a": {"uniqueItems": True}}}, "'uniqueItems' at /a"),
        ({"$defs": {"part": {"if": {}}}}, "'if' at /part"),
        ({"anyOf": [{"type": "string"}, {"multipleOf": 5}]}, "'multipleOf'"),
        ({"$ref": "https://example.org/schema.json"}, "another file"),
    ],
)
def test_schemas_that_a_grammar_would_drop_are_refused(schema: object, found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        check_enforceable(json.dumps(schema))


def test_names_and_values_are_not_mistaken_for_keywords() -> None:
    check_enforceable(json.dumps({"properties": {"not": {"enum": ["if", {"not": 1}]}}, "required": ["not"]}))


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("  answer \n", Format(), "answer"),
        ('```json\n{"a": 1}\n```', Format(schema="{}"), '{"a": 1}'),
        ('Sure! {"a": [1]} I hope it helps.', Format(schema="{}"), '{"a": [1]}'),
        ("no json at all", Format(schema="{}"), "no json at all"),
        ("Well: [A] one [B] two", Format(sections=("[A]", "[B]")), "[A] one [B] two"),
        ("[A] one [B] two [A] three", Format(sections=("[A]", "[B]")), "[A] one [B] two [A] three"),
        ("One two. Three four. Five.", Format(max_words=4), "One two. Three four."),
        ("One two. Three four.", Format(max_characters=9), "One two."),
        ("One two three", Format(max_words=2), "One two three"),
        (
            "[A] One. Two. [B] Three.",
            Format(sections=("[A]", "[B]"), max_words=3),
            "[A] One. Two. [B] Three.",
        ),
    ],
)
def test_mending_leaves_the_content_alone(text: str, form: Format, expected: str) -> None:
    assert mend(text, form) == expected


def test_second_request_shows_the_text_and_its_violations() -> None:
    first = (Message(Role.SYSTEM, "s"), Message(Role.USER, "q"))
    again = ask_again(first, "bad", ("It is bad.",), "en")
    assert again[:2] == first
    assert again[2] == Message(Role.ASSISTANT, "bad")
    assert "It is bad." in again[3].content


AGREED = (
    "[Policy basis] None of the documents covers this. [Plain answer] I do not have this in the documents."
)
PLAIN = "This is not in the documents."


@pytest.mark.parametrize(
    ("text", "agreed", "form", "expected"),
    [
        (PLAIN, PLAIN, Format(), True),
        ("this is NOT in the documents", PLAIN, Format(), True),
        ("Sorry. This is not in the documents. [1]", PLAIN, Format(), True),
        ("That is not in the documents.", PLAIN, Format(), True),
        ("The fee is $6 [1].", PLAIN, Format(), False),
        ("The documents say in section 3 that this is $6.", PLAIN, Format(), False),
        (AGREED, AGREED, Format(sections=SECTIONS), True),
        (
            "[Policy basis] – [Plain answer] I do not have this in the documents.",
            AGREED,
            Format(sections=SECTIONS),
            True,
        ),
        ("[Policy basis] Fees [1]. [Plain answer] It costs $6.", AGREED, Format(sections=SECTIONS), False),
        ("文件中没有相关内容", "文件中没有相关内容。", Format(), True),
        ("", PLAIN, Format(), False),
        ("anything", "", Format(), False),
    ],
)
def test_abstention_is_the_agreed_answer_in_its_words(
    text: str, agreed: str, form: Format, expected: bool
) -> None:
    assert is_abstention(text, agreed, form) is expected


def test_evidence_is_absent_without_hits_or_below_the_threshold() -> None:
    chunk = Chunk("c", "d", "text", 0, 4)
    plain, reranked = Hit(chunk, 0.4, {"dense": 0.9}), Hit(chunk, 0.6, {"rerank": 0.7})
    assert [relevance(plain), relevance(reranked)] == [0.4, 0.6]
    assert is_absent([], None)
    assert not is_absent([plain], None)
    assert is_absent([plain], 0.5)
    assert not is_absent([plain, reranked], 0.5)
