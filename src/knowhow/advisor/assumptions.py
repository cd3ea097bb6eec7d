"""Every constant of the cost model with its low, likely and high value; `[costs]` and measurements replace them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowhow.advisor.text import Text, say
from knowhow.errors import ConfigError, suggest

LEVELS = ("low", "likely", "high")


@dataclass(frozen=True, slots=True)
class Assumption:
    """One constant, ordered from the value that makes things cheap to the one that makes them dear.

    `origin` is assumed, set (by [costs]) or measured (in the workspace).
    """

    key: str
    label: Text
    unit: str
    low: float
    likely: float
    high: float
    origin: str = "assumed"

    def at(self, level: str) -> float:
        """Return the value at a level: low, likely or high cost."""
        return float(getattr(self, level))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All constants by key, the currency, and how the model is paid: per token, or per machine hour."""

    items: Mapping[str, Assumption]
    currency: str = "USD"
    billing: str = "tokens"

    def get(self, key: str, level: str) -> float:
        """Return one constant at a level."""
        return self.items[key].at(level)


_DEFAULTS: tuple[Assumption, ...] = (
    Assumption("question_tokens", say("Question"), "tokens", 20, 40, 100),
    Assumption("instruction_tokens", say("Instructions in an untrained prompt"), "tokens", 100, 250, 800),
    Assumption("tuned_instruction_tokens", say("Instructions for a trained model"), "tokens", 10, 40, 150),
    Assumption("few_shot_tokens", say("Examples in the prompt"), "tokens", 200, 600, 2000),
    Assumption("retrieved_tokens", say("Retrieved text per query"), "tokens", 500, 1200, 4000),
    Assumption("answer_tokens", say("Answer"), "tokens", 60, 150, 400),
    Assumption("prompt_per_million", say("Price of a million prompt tokens"), "money", 0.1, 0.5, 3),
    Assumption("completion_per_million", say("Price of a million answer tokens"), "money", 0.4, 2, 15),
    Assumption("tuned_price_factor", say("Price factor of a trained model"), "factor", 1, 1.5, 2),
    Assumption("machine_per_hour", say("Machine hour (with GPU)"), "money", 0.6, 1.5, 4),
    Assumption("prefill_rate", say("Prompt tokens per second"), "per second", 20_000, 6_000, 1_000),
    Assumption(
        "decode_rate", say("Answer tokens per second, all queries together"), "per second", 2_000, 500, 60
    ),
    Assumption("utilisation", say("Share of machine time in use"), "share", 0.6, 0.25, 0.08),
    Assumption("embedding_price", say("Embedding a million tokens"), "money", 0.01, 0.02, 0.15),
    Assumption("search_price", say("1,000 searches"), "money", 0.001, 0.01, 0.2),
    Assumption("storage_price", say("Storing a gigabyte for a month"), "money", 0.02, 0.25, 1),
    Assumption("chunk_tokens", say("Tokens per stored passage"), "tokens", 400, 200, 100),
    Assumption("chunk_kilobytes", say("Storage per passage"), "kilobytes", 2, 4, 12),
    Assumption("index_monthly", say("Running the index for a month"), "money", 0, 20, 200),
    Assumption("needed_examples", say("Examples needed for training"), "examples", 100, 1_000, 5_000),
    Assumption("label_price", say("Writing or checking one example"), "money", 0.5, 3, 15),
    Assumption("training_hours", say("Machine hours to train on 1,000 examples"), "hours", 0.2, 0.7, 3),
    Assumption("training_runs", say("Training runs until one is good"), "runs", 2, 4, 10),
    Assumption("tuned_monthly", say("Hosting a trained model for a month"), "money", 0, 60, 1_100),
    Assumption("work_hour", say("Hour of work"), "money", 30, 70, 150),
    Assumption("prompt_work", say("Work to set up prompts and tests"), "hours", 4, 12, 40),
    Assumption("retrieval_work", say("Work to set up retrieval"), "hours", 16, 50, 200),
    Assumption("training_work", say("Work to prepare data and train"), "hours", 16, 60, 240),
    Assumption("prompt_care", say("Care for prompts per month"), "hours", 1, 2, 6),
    Assumption("retrieval_care", say("Care for retrieval per month"), "hours", 2, 6, 20),
    Assumption("training_care", say("Care for a trained model per month"), "hours", 2, 6, 24),
    Assumption(
        "behaviour_retrainings",
        say("Retraining per month because behaviour changes"),
        "per month",
        0.08,
        0.17,
        0.5,
    ),
)

FACT_RETRAININGS: Mapping[str, float] = {
    "static": 0.0,
    "slow": 1 / 3,
    "fast": 4.3,
    "mixed": 1.0,
    "unknown": 1 / 12,
}
"""Retraining per month that changing facts would force on a model that answers from its weights."""


def default_assumptions() -> Assumptions:
    """Return the shipped constants."""
    return Assumptions({item.key: item for item in _DEFAULTS})


def apply_costs(
    base: Assumptions, costs: Mapping[str, Any], *, origin: str = "set", source: str = "[costs]"
) -> Assumptions:
    """Return `base` with values replaced: a number fixes one, a list of three gives low, likely and high; `currency`, `billing` are words.

    `is_remote` belongs to the measured comparison and says nothing here. ConfigError names an unknown key or a wrong value.
    """
    items = dict(base.items)
    currency, billing = base.currency, base.billing
    for key, value in costs.items():
        if key == "currency":
            currency = _check_currency(value, source)
        elif key == "billing":
            if value not in ("tokens", "machine"):
                raise ConfigError(f"{source} billing must be 'tokens' or 'machine', not {value!r}.")
            billing = str(value)
        elif key == "is_remote":
            continue
        elif key not in items:
            raise ConfigError(
                f"{source} has an unknown key '{key}'. {suggest(key, [*items, 'currency', 'billing'])}"
            )
        else:
            low, likely, high = _three(key, value, source)
            items[key] = replace(items[key], low=low, likely=likely, high=high, origin=origin)
    return Assumptions(items, currency, billing)


def _three(key: str, value: Any, source: str) -> tuple[float, float, float]:
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * 3
    if len(values) != 3 or not all(
        isinstance(item, (int, float)) and not isinstance(item, bool) and 0 <= item < float("inf")
        for item in values
    ):
        raise ConfigError(
            f"{source} {key} must be a number of 0 or more, or a list of three (low, likely, high), not {value!r}."
        )
    if key in ("prefill_rate", "decode_rate", "utilisation", "chunk_tokens") and min(values) <= 0:
        raise ConfigError(f"{source} {key} must be greater than 0.")
    return float(values[0]), float(values[1]), float(values[2])


def _check_currency(value: Any, source: str) -> str:
    if value == "":
        return "USD"
    if not isinstance(value, str) or len(value) != 3 or not value.isalpha():
        raise ConfigError(
            f"{source} currency must be a three-letter code such as USD, EUR, CNY or JPY, not {value!r}."
        )
    return value.upper()
