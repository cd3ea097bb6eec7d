import pytest

from knowhow.evaluation.metrics.content import strip_form
from knowhow.evaluation.metrics.overlap import (
    Contains,
    ExactMatch,
    TokenF1,
    bag_f1,
    normalise_characters,
    normalise_words,
    split_characters,
    substring_f1,
)
from knowhow.types import Answer, Example


def scores(references, text, **facts):
    example = Example("1", facts.pop("question", "Who?"), tuple(references), **facts)
    answer = Answer(text)
    return ExactMatch()(example, answer), TokenF1()(example, answer), Contains()(example, answer)


@pytest.mark.parametrize(
    ("references", "text", "expected"),
    [
        # Hand-computed with SQuAD's rules: lower case, no punctuation, no articles, bag of words.
        (["the Monroe Doctrine"], "Monroe doctrine.", (1, 1, 1)),
        (["Monroe Doctrine"], "It was the Monroe Doctrine", (0, 2 * (2 / 4 * 1) / (2 / 4 + 1), 1)),
        (["1950s", "in the 1950s"], "In 1950s!", (1, 1, 1)),
        (["a b c"], "b c d d", (0, 2 * (2 / 4 * 1) / (2 / 4 + 1), 1)),
        (["US$3"], "US 3", (0, 0, 0)),
        (["cat"], "concatenate", (0, 0, 0)),
        (["the"], "a", (1, 1, 1)),
        (["red red blue"], "red blue blue", (0, 2 / 3, 0)),
        (["café"], "Café", (1, 1, 1)),
    ],
)
def test_english_follows_squad(references, text, expected):
    assert scores(references, text) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("gold", "predicted", "exact", "f1"),
    [
        # Values printed by the published SQuAD 2.0 evaluation (as shipped in transformers 4.57.1).
        ("the quick, brown fox", "A quick brown-fox", 0, 0.4),
        ("", "x", 0, 0),
        ("", "", 1, 1),
        ("an apple a day", "apple day", 1, 1.0),
        ("U.S. $3.50", "us 350", 1, 1.0),
        ("naïve Bayes’ theorem", "Naïve bayes theorem", 0, 0.6666666666666666),
        ("one two two", "one two one two three", 0, 0.7499999999999999),
        (
            "Woods Hole Research Center",
            "the Woods Hole (Massachusetts) research centre",
            0,
            0.6666666666666665,
        ),
        ("1,250 km²", "about 1250 km²", 0, 0.8),
        ("theatre of the absurd", "Theatre  of absurd theatre", 0, 0.8571428571428571),
    ],
)
def test_english_equals_the_published_script(gold, predicted, exact, f1):
    assert float(normalise_words(gold) == normalise_words(predicted)) == exact
    ours = bag_f1(normalise_words(predicted).split(), normalise_words(gold).split())
    assert ours == pytest.approx(f1, abs=1e-9)


@pytest.mark.parametrize(
    ("references", "text", "expected"),
    [
        # 北京市 in 北京市。: equal once punctuation is gone.
        (["北京市"], "北京市。", (1, 1, 1)),
        # 5 characters predicted, 3 expected, longest shared run 3: precision 3/5, recall 1.
        (["北京市"], "在北京市内", (0, 0.75, 1)),
        # Longest shared run is 2 of 4 and 2 of 4.
        (["春夏秋冬"], "夏秋春冬", (0, 0.5, 0)),
        # A run of Latin letters or digits is one token: 用 · 3.5% against 3.5%.
        (["3.5%"], "3.5%", (1, 1, 1)),
        (["３．５％的人"], "3.5% 的人", (1, 1, 1)),
        (["共有12人"], "12人", (0, 2 * (1 * 2 / 4) / (1 + 2 / 4), 0)),
        (["東京タワー"], "東京", (0, 2 * (1 * 2 / 5) / (1 + 2 / 5), 0)),
    ],
)
def test_chinese_and_japanese_follow_cmrc(references, text, expected):
    assert scores(references, text, question="谁？") == pytest.approx(expected, abs=1e-12)


def test_characters_are_split_and_punctuation_dropped():
    assert split_characters("《GPT-4》用了3.5万 tokens！") == ["gpt4", "用", "了", "3.5", "万", "tokens"]
    assert normalise_characters("  Ａ， b。") == "ab"
    assert substring_f1([], []) == 1.0
    assert substring_f1(["a"], []) == 0.0


@pytest.mark.parametrize(
    ("text", "abstained", "expected"),
    [("", True, 1.0), ("No idea", True, 1.0), ("Paris", False, 0.0), ("", False, 1.0)],
)
def test_unanswerable_rows_reward_silence(text, abstained, expected):
    example = Example("1", "Who?", (), is_answerable=False)
    answer = Answer(text, abstained=abstained)
    assert [metric(example, answer) for metric in (ExactMatch(), TokenF1(), Contains())] == [expected] * 3


def test_an_abstention_on_an_answerable_row_scores_zero_even_when_its_words_match():
    example = Example("1", "Who?", ("This is not in the documents",))
    answer = Answer("This is not in the documents.", abstained=True)
    assert [metric(example, answer) for metric in (ExactMatch(), TokenF1(), Contains())] == [0.0] * 3


def test_a_row_without_reference_is_not_scored_and_a_failed_answer_scores_zero():
    assert ExactMatch()(Example("1", "Who?"), Answer("x")) is None
    assert TokenF1()(Example("1", "Who?", is_answerable=False), Answer("", error="boom")) == 0.0


def test_markers_and_headings_do_not_count():
    assert strip_form("Answer: Paris [1], and more [2, 3].", ("Answer:",)) == "Paris, and more."
    example = Example("1", "Where?", ("Paris",))
    answer = Answer("## Answer\nParis [1]\n## Source\nGuide, page 3")
    assert ExactMatch()(example, answer) == 0.0
    assert ExactMatch(("## Answer", "## Source"), "## Answer")(example, answer) == 1.0
    assert Contains(("## Answer", "## Source"))(example, answer) == 1.0
