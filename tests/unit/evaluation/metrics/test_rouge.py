import random

import pytest

from knowhow.evaluation.metrics.rouge import (
    Rouge1,
    Rouge2,
    RougeL,
    longest_common_subsequence,
    rouge_l,
    rouge_n,
    tokenise,
)
from knowhow.types import Answer, Example


def test_english_equals_rouge_score():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(
        ["rouge1", "rouge2", "rougeL"], use_stemmer=False
    )
    draw = random.Random(4)
    text = "the bank's loan, fee of 3.5% is due -- Naïve café a_b don't 12 May U.S. repaid\n early"
    vocabulary = text.split(" ")
    for _ in range(300):
        gold, ours = (" ".join(draw.choices(vocabulary, k=draw.randint(0, 25))) for _ in range(2))
        expected = scorer.score(gold, ours)
        first, second = tokenise(ours, "en"), tokenise(gold, "en")
        assert rouge_n(first, second, 1) == pytest.approx(expected["rouge1"].fmeasure, abs=1e-9)
        assert rouge_n(first, second, 2) == pytest.approx(expected["rouge2"].fmeasure, abs=1e-9)
        assert rouge_l(first, second) == pytest.approx(expected["rougeL"].fmeasure, abs=1e-9)


def test_chinese_by_hand():
    example = Example("1", "？", ("利率上调百分之一",))
    answer = Answer("利率下调百分之一。")
    # 8 characters each, 7 shared; 7 pairs each, 率下 and 下调 differ, 5 shared.
    assert Rouge1()(example, answer) == pytest.approx(7 / 8)
    assert Rouge2()(example, answer) == pytest.approx(5 / 7)
    assert RougeL()(example, answer) == pytest.approx(7 / 8)


def test_accents_survive_outside_english():
    assert tokenise("Été à Paris", "fr") == ["été", "à", "paris"]
    assert tokenise("Été à Paris", "en") == ["t", "paris"], "rouge-score's own rule for English"


def test_longest_common_subsequence_against_the_textbook_table():
    draw = random.Random(9)
    for _ in range(200):
        first, second = ([draw.choice("abcd") for _ in range(draw.randint(0, 30))] for _ in range(2))
        table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
        for i, a in enumerate(first):
            for j, b in enumerate(second):
                table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
        assert longest_common_subsequence(first, second) == table[-1][-1]


def test_the_best_reference_counts_and_an_abstention_scores_zero():
    example = Example("1", "?", ("one two", "one two three"))
    assert Rouge1()(example, Answer("one two three")) == 1.0
    assert Rouge1()(example, Answer("one two three", abstained=True)) == 0.0
    assert Rouge1()(Example("1", "?"), Answer("x")) is None
