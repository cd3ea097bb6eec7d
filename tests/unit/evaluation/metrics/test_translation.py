import pytest
import sacrebleu

from knowhow.evaluation.metrics.translation import Bleu, Chrf, bleu_tokenizer
from knowhow.types import Answer, Example

ENGLISH = Example(
    "1", "?", ("The loan is repaid in twelve months.", "Repayment takes a year."), language="en"
)
CHINESE = Example("2", "？", ("贷款在十二个月内还清。",), language="zh-Hans")
JAPANESE = Example("3", "？", ("ローンは十二か月で返済します。",))


@pytest.mark.parametrize(
    ("example", "text", "tokenizer"),
    [
        (ENGLISH, "The loan is repaid within twelve months.", "13a"),
        (CHINESE, "贷款在十二个月之内还清。", "zh"),
        (JAPANESE, "ローンは十二か月で完済します。", "char"),
    ],
)
def test_scores_are_those_of_sacrebleu(example, text, tokenizer):
    assert bleu_tokenizer(example) == tokenizer
    bleu = sacrebleu.BLEU(tokenize=tokenizer, effective_order=True).sentence_score(
        text, list(example.references)
    )
    chrf = sacrebleu.CHRF().sentence_score(text, list(example.references))
    assert Bleu()(example, Answer(text)) == pytest.approx(bleu.score / 100, abs=1e-9)
    assert Chrf()(example, Answer(text)) == pytest.approx(chrf.score / 100, abs=1e-9)
    assert Bleu()(example, Answer(text)) > 0.3


def test_an_equal_answer_scores_one_and_markers_do_not_count():
    assert Bleu()(CHINESE, Answer("贷款在十二个月内还清。[1]")) == pytest.approx(1.0)
    assert Chrf()(ENGLISH, Answer("The loan is repaid in twelve months [2].")) == pytest.approx(1.0)
