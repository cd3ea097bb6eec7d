"""What an answer takes: time, tokens and money. A failed answer has no cost, never a flattering zero."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.evaluation.metrics.information import Aggregate, MetricInfo, describe
from knowhow.registry import register
from knowhow.types import Answer, Example

_MS_PER_HOUR = 3_600_000


def _time(summary: str, how: Aggregate = "mean") -> MetricInfo:
    return MetricInfo(
        kind="latency", unit="ms", higher_is_better=False, high=None, aggregate=how, summary=summary
    )


@register("metric", "latency_ms")
@describe(_time("Mean time to the whole answer."))
def latency_ms(example: Example, answer: Answer) -> float | None:
    """Milliseconds from question to whole answer; None for a failed answer."""
    return answer.latency_ms if answer.error is None else None


@register("metric", "latency_p50_ms")
@describe(_time("Median time to the answer.", "p50"))
def latency_p50_ms(example: Example, answer: Answer) -> float | None:
    """The same time, to be put together as the median."""
    return latency_ms(example, answer)


@register("metric", "latency_p99_ms")
@describe(_time("Time that 99 of 100 answers do not exceed.", "p99"))
def latency_p99_ms(example: Example, answer: Answer) -> float | None:
    """The same time, to be put together as the 99th percentile."""
    return latency_ms(example, answer)


@register("metric", "tokens")
@describe(
    MetricInfo(
        kind="cost", unit="tokens", higher_is_better=False, high=None, summary="Prompt and completion tokens."
    )
)
def tokens(example: Example, answer: Answer) -> float | None:
    """Prompt plus completion tokens; None for a failed answer."""
    return float(answer.prompt_tokens + answer.completion_tokens) if answer.error is None else None


@register("metric", "cost")
@describe(
    MetricInfo(
        kind="cost",
        unit="currency per query",
        higher_is_better=False,
        high=None,
        summary="Cost of one answer.",
    )
)
@dataclass(frozen=True)
class Cost:
    """Price of the tokens plus price of the time, in the currency that the prices are given in.

    Time is the answer's `cpu` timing where one was measured, else its latency.
    """

    per_million_prompt_tokens: float = 0.0
    per_million_completion_tokens: float = 0.0
    per_compute_hour: float = 0.0

    def __call__(self, example: Example, answer: Answer) -> float | None:
        """Return the cost of one query; None for a failed answer and where no price is known."""
        prices = (self.per_million_prompt_tokens, self.per_million_completion_tokens, self.per_compute_hour)
        if answer.error is not None or not any(prices):
            return None
        time_ms = answer.timings_ms.get("cpu", answer.latency_ms)
        by_tokens = answer.prompt_tokens * prices[0] + answer.completion_tokens * prices[1]
        return by_tokens / 1e6 + time_ms / _MS_PER_HOUR * prices[2]
