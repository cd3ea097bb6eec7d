import pytest

from knowhow.evaluation.metrics.fields import FieldF1, fields, find_structure
from knowhow.evaluation.metrics.overlap import ExactMatch, TokenF1
from knowhow.types import Answer, Example

BOOKING = '{"intent": "Book", "slots": {"city": "New York", "guests": 3}}'


def score(reference, text, **facts):
    return FieldF1()(Example("1", "Book it.", (reference,)), Answer(text, **facts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOOKING, 1),
        ('{"slots":{"guests":3.0,"city":"new york."},"intent":"book"}', 1),
        (f"Here it is:\n```json\n{BOOKING}\n```", 1),
        ('{"intent": "Book", "slots": {"city": "Boston", "guests": 3}}', 2 * 2 / 6),
        ('{"intent": "Book", "slots": {"city": "New York"}}', 2 * 2 / 5),
        ('{"intent": "Book", "slots": {"city": "New York", "guests": "3"}}', 2 * 2 / 6),
        ('{"intent": "Book", "slots": {"city": "New York", "guests": 3, "bar": true}}', 2 * 3 / 7),
        ('{"intent": "Book", "slots": {}}', 2 * 1 / 5),
        ('{"intent": "Book", "slots": {"city": "New', 0),
        ("New York, three guests", 0),
        ("", 0),
    ],
)
def test_fields_count_whatever_the_layout(text, expected):
    assert score(BOOKING, text) == pytest.approx(expected)


def test_lists_are_compared_without_order_and_with_repetitions():
    assert score('{"a": [1, 2, 2]}', '{"a": [2, 1, 2]}') == 1
    assert score('{"a": [1, 2, 2]}', '{"a": [1, 2]}') == pytest.approx(2 * 2 / 5)
    assert score('[{"a": 1}, {"a": 2}]', 'Answer: [{"a": 2}, {"a": 1}]') == 1


def test_abstentions_and_failures_score_nothing_and_prose_is_not_scored():
    assert score(BOOKING, BOOKING, abstained=True) == 0
    assert score(BOOKING, "", error="engine failed") == 0
    assert score("The fee is $5 [1].", BOOKING) is None
    assert score("[1]", "[1]") is None


def test_leaves_of_different_types_differ():
    assert list(fields({"a": "5"})) != list(fields({"a": 5}))
    assert list(fields({"a": {}, "b": []})) != list(fields({"a": []}))
    assert find_structure('{"broken" {"a": 1}', "{") == {"a": 1}


def test_exact_match_and_token_f1_do_not_see_the_layout_of_json_either():
    example = Example("1", "Book it.", (BOOKING,))
    compact = Answer('{"slots":{"guests":3,"city":"New York"},"intent":"Book"}')
    assert ExactMatch()(example, compact) == 1
    assert TokenF1()(example, compact) == 1
    assert (
        ExactMatch()(Example("2", "Which?", ('{"ids": ["a"], "n": [1]}',)), Answer('{"ids":["a"],"n":[2]}'))
        == 0
    )
