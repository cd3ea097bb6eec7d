"""What every registered metric must keep; `check_metric` raises an AssertionError that names the broken rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from knowhow.evaluation.metrics.information import MetricInfo, build_metric, information
from knowhow.protocols import Metric
from knowhow.types import Answer, Chunk, Citation, Evidence, Example, Hit

_COSTS = ("latency", "cost")


def contract_options(name: str) -> Mapping[str, Any]:
    """Return options under which a metric that needs some (a price, a format) has something to say."""
    options: dict[str, Mapping[str, Any]] = {
        "cost": {"per_million_prompt_tokens": 1.0, "per_compute_hour": 0.5},
        "format_compliance": {"form": {"sections": ["Answer:"]}},
    }
    return options.get(name, {})


def sample_pairs() -> Iterator[tuple[Example, Answer]]:
    """Yield examples with answers of many kinds: right, wrong, cited, abstained, empty, Chinese, without evidence."""
    text = "The branch in Leeds opened on 3 May 2019 and employs 42 people."
    chunk = Chunk("c1", "d1", text, 100, 100 + len(text), source="leeds.md")
    other = Chunk("c2", "d2", "The branch in York closed.", 0, 26)
    hits = (Hit(other, 2.0), Hit(chunk, 1.0))
    citation = Citation(1, "c1", "d1", 100, 100 + len(text), text)
    english = Example(
        "e1", "How many people work at the Leeds branch?", ("42 people", "42"), (Evidence("d1", text),)
    )
    chinese = Example("e2", "利兹分行有多少员工？", ("42人",), (Evidence("d1"),), language="zh-Hans")
    unanswerable = Example("e3", "Who leads the branch in Hull?", is_answerable=False)
    bare = Example("e4", "What is new?")
    structured = Example("e5", "Which branch, how many people?", ('{"branch": "Leeds", "people": 42}',))
    good = Answer("Answer: 42 people work there [1].", (citation,), 200, 12, 850.0, hits=hits)
    yield structured, replace(good, text='{"people": 42, "branch": "York"}', citations=())
    for example in (english, chinese, unanswerable, bare):
        yield example, good
        yield example, replace(good, text="Nobody. It closed in 1999 [7]. 不知道", citations=())
        yield example, replace(good, text="I don't know.", abstained=True, citations=())
        yield example, replace(good, text="", citations=(), hits=())
        yield example, replace(good, violations=("It is too long.",), timings_ms={"cpu": 400.0})


def check_metric(name: str) -> None:
    """Check the registered metric `name` against every rule; AssertionError where one is broken."""
    info = information(name)
    metric = build_metric(name, contract_options(name))
    assert info.summary, f"{name} must say in one sentence what it measures"
    has_value = False
    for example, answer in sample_pairs():
        value = metric(example, answer)
        assert value == metric(example, answer), f"{name} must give the same value twice"
        if value is not None:
            has_value = True
            _check_range(name, info, value)
        _check_failed(name, info, metric, example, answer, value)
    assert has_value, f"{name} must apply to at least one of the sample answers"


def _check_range(name: str, info: MetricInfo, value: float) -> None:
    assert isinstance(value, float), f"{name} must return a float or None, not {type(value).__name__}"
    assert value == value, f"{name} must not return NaN: None says that it does not apply"
    assert value >= info.low - 1e-12, f"{name} gave {value}, below its declared low {info.low}"
    assert info.high is None or value <= info.high + 1e-12, f"{name} gave {value}, above {info.high}"
    assert not info.is_binary or value in (0.0, 1.0), f"{name} calls itself binary and gave {value}"


def _check_failed(
    name: str, info: MetricInfo, metric: Metric, example: Example, answer: Answer, value: float | None
) -> None:
    failed = Answer("", error="The engine stopped.", latency_ms=0.0, hits=answer.hits)
    score = metric(example, failed)
    if info.kind in _COSTS:
        assert score is None, f"{name} must be None for a failed answer, never a flattering {score}"
    elif info.higher_is_better:
        assert score in (None, 0.0), f"{name} must score a failed answer 0, not {score}"
        is_quality = info.kind in ("quality", "retrieval")
        assert value is None or score == 0.0 or not is_quality or answer.abstained, (
            f"{name} must not leave a failed answer out where it scores a delivered one"
        )
    else:
        assert score in (None, info.high), f"{name} must not flatter a failed answer with {score}"


__all__ = ["check_metric", "contract_options", "sample_pairs"]
