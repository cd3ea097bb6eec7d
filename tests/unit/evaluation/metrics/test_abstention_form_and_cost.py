import pytest

from knowhow.errors import ConfigError
from knowhow.evaluation.metrics.abstention import (
    abstention_precision,
    abstention_recall,
    failure_rate,
    over_refusal,
)
from knowhow.evaluation.metrics.cost import Cost, latency_ms, tokens
from knowhow.evaluation.metrics.form import FormatCompliance
from knowhow.evaluation.metrics.information import accepted_options, aggregate, build_metric
from knowhow.evaluation.metrics.relevance import AnswerRelevance
from knowhow.testing.fakes import FakeEmbedder
from knowhow.types import Answer, Example, Format

YES, NO = Example("1", "?", ("x",)), Example("2", "?", is_answerable=False)
SILENT, SPOKEN, FAILED = Answer("?", abstained=True), Answer("x"), Answer("", error="boom")


def test_rates_come_out_of_the_means():
    # Ten rows: 6 answerable (1 refused, 1 failed), 4 unanswerable (3 refused).
    rows = [(YES, SPOKEN)] * 4 + [(YES, SILENT), (YES, FAILED)] + [(NO, SILENT)] * 3 + [(NO, SPOKEN)]
    mean = lambda metric: aggregate([metric(example, answer) for example, answer in rows])  # noqa: E731
    assert mean(abstention_precision) == pytest.approx(3 / 4)
    assert mean(abstention_recall) == pytest.approx(3 / 4)
    assert mean(over_refusal) == pytest.approx(1 / 5)
    assert mean(failure_rate) == pytest.approx(1 / 10)
    assert abstention_recall(NO, FAILED) == 0.0


def test_form_is_scored_apart_from_content():
    metric = FormatCompliance(Format(sections=("Answer:", "Source:"), banned=("maybe",)))
    assert metric(YES, Answer("Answer: wrong\nSource: none")) == 1.0
    assert metric(YES, Answer("x")) == 0.0
    assert metric(YES, Answer("Answer: Maybe\nSource: y")) == 0.0
    assert metric(YES, Answer("Answer: x\nSource: y", violations=("too long",))) == 0.0
    assert metric(YES, SILENT) is None
    assert metric(YES, FAILED) == 0.0
    assert FormatCompliance()(YES, SPOKEN) is None
    built = build_metric(
        "format_compliance", {"form": {"sections": ["Answer:", "Source:"], "banned": ["maybe"]}}
    )
    assert built == metric


def test_cost_by_hand_and_never_zero_for_a_failure():
    answer = Answer("x", prompt_tokens=1500, completion_tokens=100, latency_ms=1800.0)
    cost = Cost(per_million_prompt_tokens=2.0, per_million_completion_tokens=10.0, per_compute_hour=1.0)
    assert cost(YES, answer) == pytest.approx(0.003 + 0.001 + 0.0005)
    measured = Answer("x", latency_ms=1800.0, timings_ms={"cpu": 3600.0})
    assert Cost(per_compute_hour=1.0)(YES, measured) == pytest.approx(0.001)
    assert Cost()(YES, answer) is None
    assert [metric(YES, FAILED) for metric in (cost, latency_ms, tokens)] == [None] * 3
    assert tokens(YES, answer) == 1600.0


def test_aggregates():
    values = [float(n) for n in range(1, 101)]
    assert aggregate(values, "p99") == 99.0
    assert aggregate(values, "p50") == 50.0
    assert aggregate([*values, None]) == pytest.approx(50.5)
    assert aggregate([None]) is None
    assert aggregate([1.0, 900.0], "p99") == 900.0


def test_relevance_by_words_and_by_embedder():
    example = Example("1", "Which fees does Harbour Bank charge abroad?")
    on, off = Answer("Harbour Bank charges 3 euros abroad as a fee."), Answer("Penguins swim.")
    assert AnswerRelevance()(example, on) == 1.0
    assert AnswerRelevance()(example, off) == 0.0
    by_vectors = AnswerRelevance(FakeEmbedder())
    assert by_vectors(example, on) > by_vectors(example, off)
    assert by_vectors(example, Answer(example.question)) == pytest.approx(1.0, abs=1e-6)
    assert AnswerRelevance()(example, SILENT) is None


def test_shared_options_reach_those_who_have_the_field():
    shared = {"sections": ("Answer:",), "k": 3}
    assert accepted_options("token_f1", shared) == {"sections": ("Answer:",)}
    assert accepted_options("retrieval_recall", shared) == {"k": 3}
    assert accepted_options("grounding", shared) == {}
    with pytest.raises(ConfigError, match="no options"):
        build_metric("grounding", {"k": 3})
    with pytest.raises(ConfigError, match="unknown key"):
        build_metric("retrieval_recall", {"top": 3})
