import pytest

from knowhow.evaluation.metrics.information import MetricInfo, build_metric, describe, information
from knowhow.registry import _parts, names, register
from knowhow.testing.metric_contract import check_metric


@pytest.mark.parametrize("name", names("metric"))
def test_every_registered_metric_keeps_the_contract(name):
    check_metric(name)


def flattering(example, answer):
    return 1.0


def unbounded(example, answer):
    return 0.0 if answer.error else float(len(answer.text))


def cheap(example, answer):
    return answer.latency_ms


def silent(example, answer):
    return None


@pytest.mark.parametrize(
    ("metric", "info", "complaint"),
    [
        (flattering, MetricInfo(summary="Flatters."), "failed answer 0"),
        (unbounded, MetricInfo(summary="Counts."), "above 1.0"),
        (unbounded, MetricInfo(summary="Counts.", high=None, is_binary=True), "binary"),
        (
            cheap,
            MetricInfo(kind="latency", summary="Time.", high=None, higher_is_better=False),
            "None for a failed",
        ),
        (silent, MetricInfo(summary="Nothing."), "at least one"),
        (silent, MetricInfo(), "one sentence"),
    ],
)
def test_the_contract_finds_broken_metrics(metric, info, complaint):
    describe(info)(metric)
    register("metric", "broken")(metric)
    try:
        with pytest.raises(AssertionError, match=complaint):
            check_metric("broken")
    finally:
        del _parts["metric"]["broken"]


def test_information_and_options():
    assert information("latency_p99_ms").aggregate == "p99"
    assert information("exact_match").is_binary
    assert build_metric("retrieval_recall", {"k": 3}).k == 3
